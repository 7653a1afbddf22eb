"""`offer`: gives a release to nodes, answers while they fetch it, and shows how far they are."""

from __future__ import annotations

import queue
import time
from pathlib import Path
from typing import Any

import click
import paho.mqtt.client as paho
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tools.shared.errors import ToolError
from tools.shared.words import counted
from tools.talk.connection import Address, Connection, options
from tools.talk.dialog import check_name
from tools.talk.readings import parse as parse_json
from tools.update import release
from tools.update.fetching import DONE, FAILED, Fetching, Progress
from tools.update.keyring import Keyring
from tools.update.keys import folder_option, updates_option
from tools.update.manifest import OFFER, Refused, parse
from tools.update.server import Server
from tools.update.verify import check_files, check_folder

SETTLE_S = 5  # with --all: after the last node that was new
SHOWN = 20  # nodes in the table; the others are counted


@click.command()
@click.argument("nodes", metavar="[NODE]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="all nodes whose board has a release")
@updates_option
@click.option("--serial", type=int, help="which release  [default: the last]")
@click.option("--withdraw", is_flag=True, help="take the offer back instead")
@click.option("--serve", is_flag=True, help="go on answering until you stop it")
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@folder_option
def command(
    nodes: tuple[str, ...],
    every: bool,
    updates: Path,
    serial: int | None,
    withdraw: bool,
    serve: bool,
    broker: Address,
    base: str,
    keyring: Keyring,
) -> None:
    """Offer a release to each NODE, and answer until all have it.

    You can stop it at any time: nodes go on where they were when it runs again. With --serve and
    no NODE it only answers.
    """
    for node in nodes:
        check_name("NODE", node, "greenhouse")
    if not (nodes or every or serve):
        raise ToolError("no node is named", "Name some, or all of them with --all.")
    console = Console(highlight=False, soft_wrap=True)
    if withdraw:
        _withdraw(broker, base, nodes, every, console)
        return
    number, offers = chosen(updates, serial, keyring)
    offering = Offering(broker, base, Server(updates), number, offers, nodes, every)
    try:
        offering.open()
        console.print(f"offering serial {number} for {', '.join(offers)}; Ctrl-C stops")
        _watch(offering, console, serve)
    finally:
        offering.close()
    _conclude(offering.fetching, console)


def chosen(updates: Path, serial: int | None, keyring: Keyring) -> tuple[int, dict[str, bytes]]:
    """A release and its offers, by board, after a check of all its files; raises ToolError."""
    known = release.serials(updates)
    if not known:
        raise ToolError(f"there is no release in {updates}", "Make one: petrel release sign")
    number = known[-1] if serial is None else serial
    if number not in known:
        raise ToolError(
            f"there is no release {number} in {updates}",
            f"There are {', '.join(map(str, known[-5:]))}.",
        )
    keys = {key.id: key.raw for key in keyring.keys}
    offers = {}
    for path in sorted((updates / str(number)).glob(f"*/{OFFER}")):
        offer = path.read_bytes()
        try:
            if keys:
                check_folder(path.parent, keys)
            else:  # a computer that only serves has no keys
                check_files(path.parent, parse(offer.partition(b"\n")[0]))
        except Refused as error:
            raise ToolError(
                f"{path.parent}: {error}", "Nodes would refuse it. Make the release again."
            ) from error
        offers[path.parent.name] = offer
    return number, offers


class Offering:
    """A release that is offered to nodes at a broker.

    changed: gets the name of each node that said something
    """

    def __init__(
        self,
        broker: Address,
        base: str,
        server: Server,
        serial: int,
        offers: dict[str, bytes],
        nodes: tuple[str, ...],
        every: bool,
    ) -> None:
        self.fetching = Fetching(serial)
        self.changed: queue.Queue[str] = queue.Queue()
        self._base = base
        self._server = server
        self._offers = offers
        self._every = every
        for node in nodes:
            self.fetching.nodes[node] = Progress(node)
        topics = [f"{base}/+/{what}" for what in ("update/get", "update/state", "diagnostics")]
        self._connection = Connection(broker, *topics)
        self._connection.client.on_message = self._on_message

    def open(self) -> None:
        """Connect, and offer it to each node as it is seen."""
        self._connection.open()
        self._connection.check()

    def close(self) -> None:
        """Leave the broker; the offers stay there."""
        self._connection.close()

    @property
    def lost(self) -> str:
        """Why there is no connection now; empty while there is one."""
        self._connection.check()
        return self._connection.lost

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        passed = self._server.passed(client, self._base, message)
        if passed is None:
            return
        node, what = passed
        said = parse_json(message.payload.decode(errors="replace"))
        if what == "update/state" and node in self.fetching.nodes:
            self.fetching.nodes[node].take(said, self.fetching.serial, message.retain)
            self.changed.put(node)
        elif what == "diagnostics" and isinstance(said, dict):
            self._seen(client, node, str(said.get("board", "")))

    def _seen(self, client: paho.Client, node: str, board: str) -> None:
        """A node says which board it is: it gets its offer, once."""
        if self._every and board in self._offers:
            self.fetching.nodes.setdefault(node, Progress(node))
        progress = self.fetching.nodes.get(node)
        if progress is None or progress.board:
            return
        progress.board = board
        if board in self._offers:
            client.publish(f"{self._base}/{node}/update/offer", self._offers[board], 1, True)
            if not progress.ended:
                progress.words = "offered"
        elif not progress.ended:
            progress.words, progress.ended = f"the release has nothing for its {board}", FAILED
        self.changed.put(node)


def _watch(offering: Offering, console: Console, serve: bool) -> None:
    """Show how far nodes are until all have ended, or somebody stops it."""
    newest, count, lost = time.monotonic(), 0, ""
    said: dict[str, str] = {}
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            if (now := offering.lost) != lost:
                lost = now
                console.print(lost or "connected again")
            nodes = offering.fetching.nodes.copy()
            if len(nodes) != count:
                newest, count = time.monotonic(), len(nodes)
            settled = not offering._every or time.monotonic() - newest > SETTLE_S
            if offering.fetching.over and settled and not serve:
                return
            try:
                node = offering.changed.get(timeout=0.5)
            except queue.Empty:
                continue
            words = nodes[node].words if node in nodes else ""
            if console.is_terminal:
                live.update(table(offering.fetching), refresh=True)
            elif words and said.get(node) != words:
                said[node] = words
                console.print(f"{node}: {words}")


def table(fetching: Fetching) -> Table:
    """How far all are: those that failed first, then those at work."""
    done, failed, rest = fetching.counts()
    shown = Table(title=f"{done} done, {failed} failed, {rest} to go", title_justify="left")
    for name in ("node", "board", "", "how far"):
        shown.add_column(name)
    order = {FAILED: 0, "": 1, DONE: 2}
    nodes = sorted(fetching.nodes.copy().values(), key=lambda each: (order[each.ended], each.node))
    for each in nodes[:SHOWN]:
        bar = "#" * (each.percent // 10)
        shown.add_row(each.node, each.board, f"{bar:10}", each.words)
    if len(nodes) > SHOWN:
        shown.caption = f"and {len(nodes) - SHOWN} more"
    return shown


def _conclude(fetching: Fetching, console: Console) -> None:
    if not fetching.nodes:
        return
    console.print(table(fetching))
    failed = [each.node for each in fetching.nodes.values() if each.ended == FAILED]
    if failed:
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        raise ToolError(
            f"{len(failed)} of {len(fetching.nodes)} nodes did not take it: "
            f"{', '.join(failed[:5])}{more}",
            "They run what they ran before. The table says why.",
        )


def _withdraw(
    broker: Address, base: str, nodes: tuple[str, ...], every: bool, console: Console
) -> None:
    """Remove the retained offers of nodes."""
    there: queue.Queue[str] = queue.Queue()
    connection = Connection(broker, f"{base}/+/update/offer")

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        if message.payload:
            there.put(message.topic)

    connection.client.on_message = on_message
    connection.open()
    try:
        connection.check()
        topics = {f"{base}/{node}/update/offer" for node in nodes}
        while every:
            try:
                topics.add(there.get(timeout=2))
            except queue.Empty:
                break
        for topic in sorted(topics):
            connection.client.publish(topic, b"", 1, True).wait_for_publish(10)
    finally:
        connection.close()
    console.print(f"withdrawn from {counted(len(topics), 'node')}")
