"""The figures that are the same in every run: sizes, RAM, heaps, allocations, writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import count

from tools.lab.bench.figures import Kind
from tools.lab.bench.place import Place, processors
from tools.lab.bench.smallest import smallest
from tools.play.broker import Broker
from tools.shared.errors import ToolError

OPERATIONS = 200
HEAP = "8M"  # room for all that is allocated while nothing is given back
SMALLEST, LARGEST = 1024, 128 * 1024  # a heap that is too small, and one that is large enough
TIMES = 3
DEADLINE_S = 30.0  # of a run; a heap that is too small fails at once, or hangs


def silent(what: str) -> None:
    """Shows no progress."""


class Subject:
    """What is measured: a client, or the floor.

    progress: told now and then what is being done
    """

    def __init__(
        self,
        place: Place,
        broker: Broker,
        kind: Kind,
        progress: Callable[[str], None] = silent,
    ) -> None:
        self.place = place
        self.broker = broker
        self.kind = kind
        self.progress = progress

    @cached_property
    def modules(self) -> list[str]:
        """See loaded()."""
        return [] if self.kind is Kind.RAW else loaded(self.place, self.broker, self.kind)


def loaded(place: Place, broker: Broker, kind: Kind) -> list[str]:
    """The modules that a client loads from files when used over TCP, with QoS 0 to 2 and a
    reconnect; those that come with MicroPython (asyncio) as well."""
    command = place.command("32", kind.program, "use", broker.port, 1, "none", heap=HEAP)
    ours = {path.stem for path in (place.folder / "inside").iterdir()} | {"__main__"}
    return [name for name in place.run(command).split() if name not in ours]


def mpy_bytes(subject: Subject) -> float | None:
    """The sizes of their files, of those that are files."""
    if subject.kind is Kind.RAW:
        return None
    paths = [subject.place.mpy(name) for name in subject.modules]
    return sum(path.stat().st_size for path in paths if path.exists())


def ram_import(subject: Subject) -> float:
    """The heap that they take, from .mpy files."""
    if subject.kind is Kind.RAW:
        return 0
    place = subject.place
    return int(place.run(place.command("32", "ram_import", *subject.modules, heap=HEAP)))


def ram_rom(subject: Subject) -> float:
    """The same from a ROMFS."""
    if subject.kind is Kind.RAW:
        return 0
    place = subject.place
    return int(place.run(place.from_rom("ram_import", *subject.modules, heap=HEAP)))


def min_heap(subject: Subject, rom: bool = False) -> float:
    """The smallest heap from which all sizes of the next 2 KB work.

    A program of inside/ connects, subscribes and publishes in it. A size works if it works each
    time: what arrives when is not the same in every run, and takes memory.
    """
    place, kind = subject.place, subject.kind
    program = f"heap_{kind.program}"
    numbers = count()

    def works(size: int) -> bool:
        subject.progress(f"{kind}: heap of {size:,}{' from a ROMFS' if rom else ''}")
        for _ in range(TIMES):
            # Each client has a name of its own, since several are connected at the same time.
            arguments = subject.broker.port, f"{next(numbers):05}"
            if rom:
                command = place.from_rom(program, *arguments, heap=str(size))
            else:
                command = place.script("32", program, *arguments, heap=str(size))
            if not place.runs(command, DEADLINE_S):
                return False
        return True

    found = smallest(works, SMALLEST, LARGEST, len(processors()))
    if found is None:
        raise ToolError(
            f"{program}.py doesn't work in any heap of up to {LARGEST:,} bytes",
            "run make test: the client may be broken",
        )
    return found


def heap_rom(subject: Subject) -> float:
    """The same from a ROMFS."""
    return min_heap(subject, rom=True)


def allocated(mode: str) -> Callable[[Subject], float]:
    """Bytes allocated per operation; per second in the mode `idle`."""

    def measure(subject: Subject) -> float:
        place, broker, program = subject.place, subject.broker, subject.kind.program
        command = place.command("32", program, mode, broker.port, OPERATIONS, "bytes", heap=HEAP)
        if mode == "receive1":
            # Waking up allocates too, and it depends on the machine how many messages are there.
            return min(float(place.run_fed(command, broker, OPERATIONS, 1)) for _ in range(3))
        return float(place.run(command))

    return measure


def writes(subject: Subject) -> float:
    """Calls of the stream's write() per QoS 1 publish."""
    if subject.kind is Kind.RAW:
        return 1
    place, program = subject.place, subject.kind.program
    command = place.command("32", program, "writes", subject.broker.port, OPERATIONS, "none")
    return float(place.run(command))


# How each is measured; the keys are those of figures.EXACT.
MEASURES: dict[str, Callable[[Subject], float | None]] = {
    "mpy_bytes": mpy_bytes,
    "ram_import": ram_import,
    "ram_rom": ram_rom,
    "min_heap": min_heap,
    "heap_rom": heap_rom,
    "alloc_qos0": allocated("qos0"),
    "alloc_qos1": allocated("qos1"),
    "alloc_recv_qos1": allocated("receive1"),
    "alloc_idle_s": allocated("idle"),
    "writes_qos1": writes,
}
