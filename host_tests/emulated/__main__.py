"""`make cortex`: the RAM of the MQTT clients on the Cortex-M3, beside the 32-bit unix port."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from host_tests.emulated.cortex import LITTLEFS, ROMFS, Board, Raised
from host_tests.harness.mqtt_line import MqttLine
from tools import cli
from tools.lab.bench import exact, report
from tools.lab.bench.figures import CLIENTS, Kind
from tools.lab.bench.place import INSIDE, PAYLOAD, TOPIC, WARM_UP, PinnedBroker, Place
from tools.make.firmware import qemu
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import BUILD, ROOT

DOCS = ROOT / "docs" / "bench.md"
BEGIN = "<!-- written by make cortex WRITE=1 -->"
END = "<!-- end of what make cortex writes -->"
HEAP = "8M"  # of the unix port: nothing is given back while bytes are counted
LARGE = 256 * 1024  # heap of the Cortex-M3 for that
OPERATIONS = 200
DEADLINE_S = 30
# A ROMFS on the unix port is mapped into memory outside of the heap; its modules are used there.
MAPPED = """
import ffi, os, sys, uctypes, vfs
size = os.stat(sys.argv[1])[6]
libc = ffi.open(None)
handle = libc.func("i", "open", "si")(sys.argv[1], 0)
at = libc.func("p", "mmap", "pIiiii")(None, size, 1, 2, handle, 0)
vfs.mount(vfs.VfsRom(memoryview(uctypes.bytearray_at(at & 0xFFFFFFFF, size))), "/rom")
sys.path[:] = ["/rom", ".frozen"]
import anywhere
getattr(anywhere, sys.argv[2])(*sys.argv[3:])
"""


@dataclass(frozen=True)
class Row:
    """A line of the table: a function of tools/lab/bench/inside/anywhere.py, and from where."""

    words: str
    kind: str
    function: str
    more: tuple[object, ...] = ()
    heap: int = LARGE


_FREE = f"free of {qemu.HEAP:,} while connected"
ROWS = (
    Row("RAM after import, .mpy files", LITTLEFS, "imported"),
    Row("RAM after import, ROMFS", ROMFS, "imported"),
    Row("RAM while connected, .mpy files", LITTLEFS, "connected"),
    Row("RAM while connected, ROMFS", ROMFS, "connected"),
    Row(f"{_FREE}, .mpy files", LITTLEFS, "free", heap=qemu.HEAP),
    Row(f"{_FREE}, ROMFS", ROMFS, "free", heap=qemu.HEAP),
    Row("bytes per QoS 0 publish", ROMFS, "allocated", ("qos0", OPERATIONS)),
    Row("bytes per QoS 1 publish", ROMFS, "allocated", ("qos1", OPERATIONS)),
    Row("bytes per QoS 1 receive", ROMFS, "allocated", ("receive1", OPERATIONS)),
)
Figures = dict[tuple[Kind, str], list[float | None]]  # of a client on a port, one for each row


class Bench:
    """Both ports, and a broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._place = Place(BUILD / "cortex" / "unix")
        self._board = Board(BUILD / "cortex" / "board", INSIDE)

    def modules(self, kind: Kind) -> list[str]:
        """What a client loads that uses a serial line; the same for both ports."""
        names = exact.loaded(self._place, self._broker, kind)
        return [name for name in names if name != "mqtt.transport"] + ["mqtt.stream"]

    def unix(self, row: Row, arguments: list[object]) -> float | None:
        """A figure of the unix port; None for one that is the board's alone."""
        if row.heap != LARGE:
            return None
        call = [row.function, self._broker.port, *arguments]
        command = self._place.command("32", "anywhere", *call, heap=HEAP)
        if row.kind == ROMFS:
            at = command.index("-m")
            image = str(self._board.image(ROMFS))
            command = [*command[:at], "-c", MAPPED, image, *map(str, call)]
        if "receive1" in row.more:
            return float(self._place.run_fed(command, self._broker, OPERATIONS, 1))
        return float(self._place.run(command))

    def cortex(self, row: Row, arguments: list[object]) -> float | None:
        """A figure of the Cortex-M3; None if the heap is too small for it."""
        call = ", ".join(map(repr, [None, *arguments]))
        with (
            self._board.start(row.kind, row.heap) as board,
            MqttLine(board.uart.fileno(), self._broker),
        ):
            board.start(f"import anywhere\nanywhere.{row.function}({call})")
            if "receive1" in row.more:
                board.wait("ready", DEADLINE_S)
                self._feed()
                board.type("go\n")
            try:
                return float(board.finish(DEADLINE_S).splitlines()[-1])
            except Raised as error:
                if "MemoryError" in str(error):
                    return None
                raise

    def _feed(self) -> None:
        """Publish what is to be received; returns when the broker has all of it."""
        count = WARM_UP + OPERATIONS
        with Subscriber(self._broker, TOPIC) as seen:
            for _ in range(count):
                seen.publish(TOPIC, PAYLOAD.decode())
            seen.seen(lambda topic, payload: len(seen.messages) == count, DEADLINE_S)


def measure(broker: Broker, advance: Callable[[str], None]) -> Figures:
    """Every figure, of both clients on both ports."""
    bench = Bench(broker)
    found: Figures = {}
    for kind in CLIENTS:
        names: list[object] = list(bench.modules(kind))
        for row in ROWS:
            advance(f"{kind}: {row.words}")
            arguments = names if row.function == "imported" else [kind.value, *row.more]
            found.setdefault((kind, "unix"), []).append(bench.unix(row, arguments))
            found.setdefault((kind, "Cortex-M3"), []).append(bench.cortex(row, arguments))
    return found


def markdown(found: Figures) -> str:
    """The table for docs/bench.md."""
    heads = [f"{kind}, {port}" for kind, port in found]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for at, row in enumerate(ROWS):
        cells = [report.shown(figures[at]) for figures in found.values()]
        lines.append(f"| {' | '.join([row.words, *cells])} |")
    return "\n".join(lines)


@click.command()
@click.option("--write", is_flag=True, help=f"put the table into {DOCS.relative_to(ROOT)}")
def command(write: bool) -> None:
    """Measure the RAM of both clients on the emulated Cortex-M3, and on the unix port."""
    found = _measured()
    table = Table("", *[f"{kind}, {port}" for kind, port in found])
    for at, row in enumerate(ROWS):
        table.add_row(row.words, *[report.shown(figures[at]) for figures in found.values()])
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if write:
        report.write_docs(DOCS, markdown(found), BEGIN, END)
        click.echo(f"written: {DOCS.relative_to(ROOT)}")


def _measured() -> Figures:
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    errors = Console(stderr=True)
    qemu.emulator()
    for heap in (qemu.HEAP, LARGE):
        qemu.build(heap)
    with Progress(*columns, console=errors, transient=True) as bar, PinnedBroker() as broker:
        task = bar.add_task("compiling", total=len(CLIENTS) * len(ROWS))
        return measure(broker, lambda what: bar.update(task, description=what, advance=1))


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.emulated"))
