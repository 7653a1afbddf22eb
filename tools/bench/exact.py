"""The figures that are the same in every run: sizes, RAM, allocations, writes."""

from __future__ import annotations

from collections.abc import Iterator

from tools.bench.figures import Kind
from tools.bench.place import Place
from tools.broker import Broker

OPERATIONS = 200
HEAP = "8M"  # room for all that is allocated while nothing is given back
STEP = 32  # bytes between two sizes of heap that are told apart
SMALLEST, LARGEST = 1024, 128 * 1024
DEADLINE_S = 5.0  # a heap in which it takes longer is too small


def loaded(place: Place, broker: Broker, kind: Kind) -> list[str]:
    """The modules that a client loads from files when used over TCP, with QoS 0 to 2 and a
    reconnect; those that come with MicroPython (asyncio) as well."""
    command = place.command("32", kind.program, "use", broker.port, 1, "none", heap=HEAP)
    ours = {path.stem for path in (place.folder / "inside").iterdir()} | {"__main__"}
    return [name for name in place.run(command).split() if name not in ours]


def mpy_bytes(place: Place, names: list[str]) -> int:
    """The sizes of their files, of those that are files."""
    paths = [place.mpy(name) for name in names]
    return sum(path.stat().st_size for path in paths if path.exists())


def ram_import(place: Place, names: list[str]) -> int:
    """The heap that they take."""
    return int(place.run(place.command("32", "ram_import", *names, heap=HEAP)))


def min_heap(place: Place, broker: Broker, kind: Kind) -> int:
    """The smallest heap, in steps, in which a program of inside/ works."""
    low, high = SMALLEST // STEP, LARGEST // STEP  # too small; large enough
    while high - low > 1:
        middle = (low + high) // 2
        script = f"heap_{kind.program}"
        command = place.script("32", script, broker.port, heap=str(middle * STEP))
        if place.runs(command, DEADLINE_S):
            high = middle
        else:
            low = middle
    return high * STEP


def allocated(place: Place, broker: Broker, kind: Kind, mode: str) -> float:
    """Bytes allocated per operation; per second in the mode `idle`."""
    command = place.command("32", kind.program, mode, broker.port, OPERATIONS, "bytes", heap=HEAP)
    if mode == "receive1":
        # Waking up allocates too, and it depends on the machine how many messages are there then.
        return min(float(place.run_fed(command, broker, OPERATIONS, 1)) for _ in range(3))
    return float(place.run(command))


def writes(place: Place, broker: Broker, kind: Kind) -> float:
    """Calls of the stream's write() per QoS 1 publish."""
    command = place.command("32", kind.program, "writes", broker.port, OPERATIONS, "none")
    return float(place.run(command))


def measure(place: Place, broker: Broker, kind: Kind) -> Iterator[tuple[str, float | None]]:
    """Every exact figure of one kind, as it is had."""
    raw = kind is Kind.RAW
    names = [] if raw else loaded(place, broker, kind)
    yield "mpy_bytes", None if raw else mpy_bytes(place, names)
    yield "ram_import", 0 if raw else ram_import(place, names)
    yield "min_heap", min_heap(place, broker, kind)
    yield "alloc_qos0", allocated(place, broker, kind, "qos0")
    yield "alloc_qos1", allocated(place, broker, kind, "qos1")
    yield "alloc_recv_qos1", allocated(place, broker, kind, "receive1")
    yield "alloc_idle_s", allocated(place, broker, kind, "idle")
    yield "writes_qos1", 1 if raw else writes(place, broker, kind)
