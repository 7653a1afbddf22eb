"""`fleet`: many nodes from a template, values and secrets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from tools.fleet import ask, begin, plan, table
from tools.fleet import render as rendering
from tools.fleet import status as states
from tools.fleet.floor import Floor
from tools.fleet.options import fleet_option
from tools.fleet.rollout_command import command as rollout
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.ports import plugged
from tools.shared.words import counted
from tools.talk.connection import Address, options
from tools.talk.dialog import check_name

SHOWN = 10  # nodes whose faults are printed whole
_THERE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """Make the configs of many nodes, deploy them, and give them releases in stages.

    \b
    petrel fleet new --config my.json --board ESP32_GENERIC
    petrel fleet import nodes.csv
    petrel fleet render
    petrel fleet deploy --assign
    petrel fleet rollout --host broker
    """


command.add_command(rollout)


@command.command("new", short_help="Begin with the config of one node.")
@click.option("--config", type=_THERE, required=True, help="a config.json that works")
@click.option("--board", required=True, shell_complete=boards.complete, help="its board")
@fleet_option
def new(config: Path, board: str, path: Path) -> None:
    """Begin a fleet with the config of one node: a template, its secrets, fleet.toml."""
    boards.load(board)
    written = begin.new(path, config, board)
    console = _console()
    console.print("\n".join(f"written: {each}" for each in written))
    console.print(f"{config} still has its passwords; keep it to yourself, or remove it")
    console.print("next: put what differs between your nodes into the template as ${name}, and")
    console.print(f"give each node its values in {path}; then petrel fleet render")


@command.command("import", short_help="Add the nodes of a CSV file.")
@click.argument("csv", type=_THERE)
@fleet_option
def import_(csv: Path, path: Path) -> None:
    """Add the nodes of a CSV file to fleet.toml.

    Its first line names the columns: node, and those of group, board, id and the values.
    """
    known = plan.load(path)
    found = table.nodes(csv)
    twice = [name for name in found if name in known.nodes]
    if twice:
        raise ToolError(
            f"{path} has {', '.join(twice[:5])} already",
            f"Remove them from {csv} or from {path}.",
        )
    before = path.read_text()
    path.write_text(before.rstrip("\n") + "\n" + table.toml(found))
    try:
        plan.load(path)
    except ToolError:
        path.write_text(before)
        raise
    _console().print(f"{counted(len(found), 'node')} added to {path}; next: petrel fleet render")


@command.command("list", short_help="List the nodes.")
@fleet_option
def list_(path: Path) -> None:
    """List the nodes: group, board, template, board id."""
    known = plan.load(path)
    shown = Table("node", "group", "board", "template", "board id", "stays at")
    for node in known.nodes.values():
        shown.add_row(
            node.name, node.group, node.board, node.template.name, node.id,
            str(node.release or ""),
        )  # fmt: skip
    console = _console()
    console.print(shown)
    counts = Counter(node.group or "no group" for node in known.nodes.values())
    console.print(", ".join(f"{group}: {count}" for group, count in sorted(counts.items())))


@command.command("render", short_help="Make and check configs.")
@click.argument("names", metavar="[NODE]...", nargs=-1)
@click.option("--check", "only_check", is_flag=True, help="write nothing")
@fleet_option
def render(names: tuple[str, ...], only_check: bool, path: Path) -> None:
    """Make the config of each NODE or group, or of all, and check it as its board would.

    A config that is refused isn't written, and the one that was there stays.
    """
    known = plan.load(path)
    nodes = known.chosen(names)
    if not nodes:
        raise ToolError(f"{path} has no nodes", "Add some: [nodes.first] and lines below.")
    console = _console()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=len(nodes))
        result = rendering.render(
            known, nodes, not only_check,
            lambda what, done, of: bar.update(task, description=what, completed=done, total=of),
        )  # fmt: skip
    _tell(console, result)
    good = len(nodes) - len(result.faults)
    if only_check:
        console.print(f"{good} of {len(nodes)} configs are good")
    else:
        console.print(
            f"{counted(len(result.written), 'config')} written, {len(result.same)} unchanged, "
            f"{len(result.removed)} removed, in {known.out}"
        )
    if result.faults:
        raise ToolError(
            f"{len(result.faults)} of {len(nodes)} configs were refused",
            "Fix the errors above and run the command again.",
        )


@command.command("deploy", short_help="Copy Petrel and configs onto boards on USB.")
@click.argument("names", metavar="[NODE]...", nargs=-1)
@click.option(
    "--port",
    "ports",
    multiple=True,
    help="only the board on this port, once; give it again for more",
)
@click.option(
    "--assign", is_flag=True, help="a board that no node has becomes the next node without an id"
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="boards at a time"
)
@fleet_option
def deploy(
    names: tuple[str, ...], ports: tuple[str, ...], assign: bool, jobs: int, path: Path
) -> None:
    """Copy Petrel and its config to each board that is plugged in, until each NODE has them.

    Plug a board in, wait until it is done, unplug it, plug in the next; or have many on a hub. A
    board is known by its id, which fleet.toml has. It must have MicroPython already.
    """
    known = plan.load(path)
    nodes = known.chosen(names)
    console = _console()
    result = rendering.render(known, nodes)
    _tell(console, result)
    if result.faults:
        raise ToolError(
            f"{len(result.faults)} of {len(nodes)} configs were refused",
            "Fix the errors above before you deploy.",
        )
    floor = Floor(known, nodes, assign, lambda line: console.print(line, markup=False))
    if ports:
        floor.all(ports, jobs)
    else:
        console.print("plug in a board; unplug it when it is done. Ctrl-C ends")
        floor.watch(plugged, jobs)
    if floor.failed:
        raise ToolError(
            f"{counted(len(floor.failed), 'board')} failed, {len(floor.done)} done",
            "The lines above say why. Run the command again for these.",
        )
    console.print(f"{counted(len(floor.done), 'board')} done")


@command.command("status", short_help="Show how nodes are.")
@click.argument("names", metavar="[NODE]...", nargs=-1)
@fleet_option
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
def status(names: tuple[str, ...], path: Path, broker: Address, base: str) -> None:
    """Show how each NODE or group is, or all: online, version, update. Those off come first."""
    nodes = plan.load(path).chosen(names)
    found = states.look(broker, base, nodes)
    console = _console()
    console.print(states.table(nodes, found))
    console.print(states.summary(found))


@command.command("send", short_help="Send a command to many nodes.")
@click.argument("name", metavar="COMMAND")
@click.argument("names", metavar="[NODE]...", nargs=-1)
@click.option("--payload", default="", help="of the command, such as a sensor's name")
@click.option(
    "--wait",
    default=60.0,
    show_default=True,
    help="seconds for the replies",
    type=click.FloatRange(min=0, min_open=True),
)
@fleet_option
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
def send(
    name: str, names: tuple[str, ...], payload: str, wait: float, path: Path, broker: Address,
    base: str,
) -> None:  # fmt: skip
    """Send COMMAND to each NODE or group, or to all, and print each reply.

    It is signed for nodes whose config, in configs/, has a commands.secret. The exit status is 1
    if a node refuses it or is silent.
    """
    check_name("COMMAND", name, "reboot")
    known = plan.load(path)
    secrets = {node.name: ask.secret_of(known, node) for node in known.chosen(names)}
    console = _console()
    answers = ask.ask(
        broker, base, secrets, name, payload, wait,
        lambda node, answer: console.print(
            f"{node}: {'ok' if answer.good else 'refused'} {answer.words}".rstrip(), markup=False
        ),
    )  # fmt: skip
    for node, answer in answers.items():
        if answer is ask.SILENT:
            console.print(f"{node}: silent", markup=False)
    console.print(ask.conclude(answers))


def _tell(console: Console, result: rendering.Rendered) -> None:
    """The words of the check: each once, with the nodes that it is about."""
    for name in result.unused:
        console.print(f"[yellow]warning[/] {escape(name)}: no template uses it")
    for style, word, said in (
        ("bold red", "refused", result.faults),
        ("yellow", "warning", result.warnings),
    ):
        by_words: dict[str, list[str]] = {}
        for node, lines in said.items():
            for line in lines:
                by_words.setdefault(line, []).append(node)
        for line, nodes in by_words.items():
            more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
            console.print(
                f"[{style}]{word}[/] {escape(', '.join(nodes[:SHOWN]))}{more}: {escape(line)}"
            )


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
