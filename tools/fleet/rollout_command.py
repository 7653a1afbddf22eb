"""`fleet rollout`: a release for one node, then a few, then all; it stops by itself."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from tools.fleet import book, plan, rollout
from tools.fleet.options import fleet_option
from tools.fleet.stages import Rollout, Rules, stages_of
from tools.shared.errors import ToolError
from tools.shared.words import counted
from tools.talk.connection import Address, options
from tools.update import release
from tools.update.keyring import Keyring, Signer, unlock
from tools.update.keys import folder_option, updates_option
from tools.update.manifest import parse
from tools.update.offer import chosen
from tools.update.server import Server

_MINUTES = click.FloatRange(min=0)


@click.command("rollout", short_help="Give a release to a few nodes, then to all.")
@click.argument("names", metavar="[NODE]...", nargs=-1)
@click.option("--serial", type=int, help="which release  [default: the last]")
@click.option("--back", type=int, help="which one to go back to  [default: the one before]")
@click.option("--no-back", is_flag=True, help="take nobody back; no key is needed then")
@click.option(
    "--sign-with",
    "named",
    default="main",
    show_default=True,
    help="the key that signs the way back",
)
@click.option("--stages", default="1,5%,25%,100%", show_default=True, help="how many nodes each")
@click.option(
    "--limit",
    type=click.FloatRange(0, 100),
    default=2,
    show_default=True,
    help="per cent of a stage's nodes that may fail",
)
@click.option(
    "--watch",
    type=_MINUTES,
    default=10,
    show_default=True,
    help="minutes for which a node has to be well",
)
@click.option(
    "--give",
    type=_MINUTES,
    default=60,
    show_default=True,
    help="minutes that a node gets to fetch and start it",
)
@click.option(
    "--at-once",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="nodes that fetch at a time",
)
@click.option("--window", default="", help="when nodes are offered it, such as 22:00-05:00")
@click.option("--retry", is_flag=True, help="give it once more to those that failed")
@click.option("--stop", is_flag=True, help="offer it to nobody any more; take back who has it")
@click.option(
    "--database",
    help="of the collector, to keep it there  [default: that of collector.toml, or collector.db, "
    "in this folder, else files in rollouts/]",
)
@updates_option
@fleet_option
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@folder_option
def command(
    names: tuple[str, ...], serial: int | None, back: int | None, no_back: bool, named: str,
    stages: str, limit: float, watch: float, give: float, at_once: int, window: str,
    retry: bool, stop: bool, database: str | None, updates: Path, path: Path, broker: Address,
    base: str, keyring: Keyring,
) -> None:  # fmt: skip
    """Give a release to each NODE or group, or to all: to one, 5 %, 25 %, then the rest.

    A stage begins when all nodes of the one before are well. If more than the limit fails, it
    stops, and takes back those that have the release. It can be interrupted at any time; the same
    command goes on. Nodes that stay at another release in fleet.toml are left out.
    """
    known = plan.load(path)
    number, offers = chosen(updates, serial, keyring)
    nodes = [node for node in known.chosen(names) if node.release in (None, number)]
    if not nodes:
        raise ToolError("no node is left", "Name others, or remove their release in fleet.toml.")
    missing = {node.board for node in nodes} - {*offers}
    if missing:
        raise ToolError(
            f"release {number} has nothing for {', '.join(sorted(missing))}",
            "Sign one that has, or name nodes with other boards.",
        )
    try:
        sizes = stages_of(stages, len(nodes))
    except ValueError:
        raise ToolError(f"--stages {stages} can't be read", "Write it as 1,5%,25%,100%.") from None
    if window:
        rollout.Window.of(window)
    if retry and stop:
        raise ToolError("--retry contradicts --stop", "Leave one out.")
    signer = None if no_back else unlock(keyring, named)
    way = _way_back(updates, number, back, signer) if signer else {}
    rules = Rules(sizes, limit / 100, watch * 60, give * 60, at_once, window)
    version = parse(next(iter(offers.values())).partition(b"\n")[0]).version
    console = Console(highlight=False, soft_wrap=True)
    with book.opened(path.parent, base, number, version, database) as kept:
        running = rollout.begin(kept, number, nodes, rules)
        _change(running, kept, retry, stop)
        if running.again and signer:
            # A node remembers the highest serial that it had: one that was taken back needs leave.
            offers = release.way_back(updates, number, number, signer)
        boards = {name: node.board for name, node in known.nodes.items()}
        rollout.Conductor(
            broker, base, running, boards, offers, way, Server(updates), kept,
            lambda line: console.print(line, markup=False),
        ).run()  # fmt: skip
        _conclude(running, kept, stop, console)


def _change(running: Rollout, kept: book.Book, retry: bool, stop: bool) -> None:
    """What somebody wants of a rollout that was begun."""
    if stop:
        if not kept.load():
            raise ToolError(
                f"no rollout of {running.serial} was begun here", "Name another with --serial."
            )
        running.stop(f"{book.who()} stopped it")
        kept.note("stops it")
    elif retry:
        count = running.retry()
        if not count:
            raise ToolError("no node failed", "Without --retry the rollout goes on.")
        kept.again()
        kept.note(f"gives it once more to {counted(count, 'node')}")


def _conclude(running: Rollout, kept: book.Book, stop: bool, console: Console) -> None:
    number, stuck = running.serial, running.count("stuck")
    if stop and not stuck:
        back = counted(running.count("back"), "node")
        console.print(f"The rollout of {number} is stopped; {back} taken back")
    elif running.stopped:
        more = f"; {stuck} could not be taken back" if stuck else ""
        raise ToolError(
            f"the rollout of {number} was stopped: {running.stopped}{more}",
            f"See {kept.place}. Correct it, and sign a new release; or try again with --retry.",
        )
    else:
        off, failed = running.count(""), running.count("failed")
        console.print(
            f"Release {number} runs well on {counted(running.count('healthy'), 'node')}"
            + (f"; {failed} failed: give it to them once more with --retry" if failed else "")
            + (f"; {off} were off: run this again when they are back" if off else "")
        )


def _way_back(updates: Path, number: int, back: int | None, signer: Signer) -> dict[str, bytes]:
    before = [each for each in release.serials(updates) if each < number]
    if back is None and not before:
        raise ToolError(
            f"there is no release before {number} in {updates} to take nodes back to",
            "Sign one of what they run now, or say --no-back.",
        )
    return release.way_back(updates, back or before[-1], number, signer)
