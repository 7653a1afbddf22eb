"""What the bytes of each module are, counted in its .mpy file and measured while it is imported.

Measured are a module's RAM as a whole, that of its names, and the sizes of its dicts; the rest is
counted in the file. Names that a firmware has in its ROM cost nothing; which those are is asked of
the unix port, a fair proxy: most of the names in its ROM are in a board's as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tools.lab.bench.exact import Subject
from tools.lab.bench.mpy import Code, Mpy
from tools.lab.bench.place import Deadline, Place, last_line
from tools.play.broker import Broker

HEAP = "8M"
BLOCK = 16  # of MicroPython's heap, in bytes; a word has 4
# The sizes of a dict as it grows: one more than the last is the next. As in inside/full.py.
DICTS = (0, 1, 2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167, 223, 293)
_POOLS = re.compile(r"n_qstr=(\d+), .*n_total_bytes=(\d+)")


@dataclass
class Part:
    """A module's bytes of RAM. `rest`: class and module objects, rounding, what else there is."""

    name: str
    total: int = 0
    rom: int = 0  # all of it if it stands in a ROMFS
    opcodes: int = 0
    names: int = 0  # text and places of those that the ROM lacks, as the pools have grown
    name_table: int = 0
    constants: int = 0  # nearly all of them texts
    functions: int = 0  # their objects, and what stands in them before the first opcode
    dicts: int = 0
    lines: int = 0
    new_names: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    function_count: int = 0

    @property
    def rest(self) -> int:
        """What was measured and not counted."""
        known: int = sum(getattr(self, column) for column in COLUMNS)
        return self.total - known


# What is counted of a part, in the order of the table.
COLUMNS = ("opcodes", "names", "name_table", "constants", "functions", "dicts", "lines")


def blocks(size: int) -> int:
    """What a piece of so many bytes takes."""
    return -(-size // BLOCK) * BLOCK


def constant(value: object) -> int:
    """The heap that a constant takes."""
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        return blocks(16) + blocks(len(data) + 1)
    if isinstance(value, tuple):
        return blocks(8 + 4 * len(value)) + sum(map(constant, value))
    if isinstance(value, float):
        return blocks(12)
    if type(value) is int:
        return blocks(16) + blocks((value.bit_length() + 15) // 16 * 2)
    return 0


def function(code: Code) -> int:
    """The heap of a function that is made by an import, except for opcodes and line numbers."""
    made = blocks(16 + 4 * code.defaults)
    return made + sum(each.head + blocks(4 * len(each.children)) for each in code.all())


def counted(name: str, mpy: Mpy) -> Part:
    """What is seen in the file."""
    functions = list(mpy.code.functions())
    codes = [each for code in functions for each in code.all()]
    return Part(
        name,
        opcodes=sum(code.opcodes for code in codes),
        name_table=blocks(2 * len(mpy.names)),
        constants=blocks(4 * len(mpy.constants)) + sum(map(constant, mpy.constants)),
        functions=sum(map(function, functions)),
        lines=sum(code.lines for code in codes),
        function_count=len(codes),
        texts=[each for each in mpy.constants if isinstance(each, str)],
    )


def dict_size(entries: int) -> int:
    """The heap of a dict with so many entries."""
    places = next((size for size in DICTS if size >= entries), entries)
    return blocks(16) + blocks(8 * places)


@dataclass(frozen=True)
class Measured:
    """Bytes of heap; the number of names that the ROM lacks, and their bytes."""

    heap: int = 0
    names: int = 0
    name_bytes: int = 0

    def __add__(self, other: Measured) -> Measured:
        return Measured(
            self.heap + other.heap, self.names + other.names, self.name_bytes + other.name_bytes
        )

    def __sub__(self, other: Measured) -> Measured:
        return self + Measured(-other.heap, -other.names, -other.name_bytes)


@dataclass
class Imported:
    """What inside/anatomy.py printed, by module; the modules in the order in which they begin."""

    own: dict[str, Measured] = field(default_factory=dict)
    dicts: dict[str, list[int]] = field(default_factory=dict)  # entries
    names: set[str] = field(default_factory=set)  # those that the ROM lacks

    @classmethod
    def parse(cls, text: str) -> Imported:
        """Each module without those that it imports."""
        found = cls()
        open_ones: list[tuple[str, Measured]] = []
        lines = iter(text.splitlines())
        for line in lines:
            what, _, more = line.partition(" ")
            if what in ("begin", "end"):
                name, heap = more.split()
                state = Measured(int(heap), *map(int, _POOLS.findall(next(lines))[0]))
                if what == "begin":
                    open_ones.append((name, state))
                    found.own[name] = Measured()
                    continue
                took = state - open_ones.pop()[1]
                found.own[name] += took
                if open_ones:
                    found.own[open_ones[-1][0]] -= took
            elif what == "dicts":
                name, *entries = more.split()
                found.dicts[name] = list(map(int, entries))
        # A name may have line breaks in it.
        found.names = set(re.findall(r"^Q\((.*?)\)$", text, re.DOTALL | re.MULTILINE))
        return found


@dataclass
class Anatomy:
    """All modules of a client, in the order in which their imports begin."""

    parts: list[Part]
    names: int  # how many the ROM lacks
    full: list[str]  # classes whose instances' dicts have no free place, and the entries
    late: list[str]  # classes whose instances get attributes late, the entries before and after


def examine(place: Place, broker: Broker, subject: Subject) -> Anatomy:
    """Look at the modules that a client loads, and at its instances."""
    ours = [name for name in subject.modules if place.mpy(name).exists()]
    theirs = [name for name in subject.modules if name not in ours]
    arguments = ",".join(theirs), ",".join(ours)
    files = Imported.parse(_said(place, place.command("32", "anatomy", *arguments, heap=HEAP)))
    rom = Imported.parse(_said(place, place.from_rom("anatomy", *arguments, heap=HEAP)))
    found = []
    known: set[str] = set()
    for name, measured in files.own.items():
        if name in ours:
            mpy = Mpy.read(place.mpy(name))
            part = counted(name, mpy)
            part.dicts = sum(map(dict_size, files.dicts[name]))
            new = files.names.intersection(each for each in mpy.names if each) - known
            part.new_names = sorted(new)
            known |= new
        else:
            part = Part(name)
        part.total, part.rom = measured.heap, rom.own[name].heap
        part.names = measured.name_bytes
        found.append(part)
    program = subject.kind.program
    said = _said(place, place.command("32", "full", program, broker.port, *ours, heap=HEAP))
    full = re.findall(r"^full (\w+ \d+)$", said, re.MULTILINE)
    late = re.findall(r"^late (\w+ \d+ \d+)$", said, re.MULTILINE)
    return Anatomy(found, sum(each.names for each in files.own.values()), full, late)


def _said(place: Place, command: list[str]) -> str:
    """All that a command prints."""
    process = place.start(command)
    with Deadline(process):
        output, _ = process.communicate()
    last_line(process, command, output)
    return output
