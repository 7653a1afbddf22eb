"""What is in an .mpy file of version 6: names, constants, and each function's bytes.

See MicroPython's py/persistentcode.c and py/bc.h. Only bytecode is understood; native code is not,
which Petrel has none of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.shared.errors import ToolError

VERSION = 6
_STORE_NAME = 0x16
# For each upper half of an opcode what follows it: nothing, a name, an integer, an offset.
_BYTE, _NAME, _INTEGER, _OFFSET = range(4)
_FORMATS = (_BYTE, _NAME, _INTEGER, _INTEGER, _OFFSET) + (_BYTE,) * 11
_EXTRA = 0x9E  # an opcode without any of these bits is followed by one more byte
_OBJECTS = {1: None, 2: False, 3: True, 4: ...}
_TEXT, _BYTES, _INT, _FLOAT, _COMPLEX, _TUPLE = range(5, 11)


@dataclass
class Code:
    """The code of a module, a class body or a function; sizes in bytes."""

    name: int  # in the module's names
    arguments: int = 0
    defaults: int = 0  # of the positional ones
    head: int = 0  # what stands before the line numbers: sizes, name, names of arguments
    lines: int = 0  # line numbers
    opcodes: int = 0  # with what a closure needs
    is_body: bool = False  # of a module or a class: it runs once, and is forgotten
    children: list[Code] = field(default_factory=list)

    @property
    def size(self) -> int:
        """All of it."""
        return self.head + self.lines + self.opcodes

    def functions(self) -> Iterator[Code]:
        """Those that are made when the module is imported: its own, and its classes' methods."""
        for child in self.children:
            if child.is_body:
                yield from child.functions()
            else:
                yield child

    def all(self) -> Iterator[Code]:
        """This one, and whatever is within."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass
class Mpy:
    """An .mpy file. `names`: None stands for one that each MicroPython has in its ROM."""

    names: list[str | None]
    constants: list[object]
    code: Code

    @classmethod
    def read(cls, path: Path) -> Mpy:
        """Read a file. Raises ToolError if it is not understood."""
        reader = _Reader(path.read_bytes())
        try:
            return reader.module()
        except (IndexError, UnicodeDecodeError, ValueError) as error:
            raise ToolError(
                f"{path.name} is not understood: {error}", "compile it again"
            ) from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def module(self) -> Mpy:
        magic, version, flags, _ = self._take(4)
        if magic != ord("M") or version != VERSION:
            raise ValueError(f"this is not an .mpy file of version {VERSION}")
        if flags >> 2:
            raise ValueError("it has native code")
        names, constants = self._integer(), self._integer()
        found = Mpy(
            [self._name() for _ in range(names)],
            [self._object() for _ in range(constants)],
            self._code(),
        )
        found.code.is_body = True
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes are left over")
        return found

    def _take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise ValueError("it is cut short")
        self._at += size
        return self._data[self._at - size : self._at]

    def _byte(self) -> int:
        return self._take(1)[0]

    def _integer(self) -> int:
        value = 0
        while True:
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value

    def _name(self) -> str | None:
        size = self._integer()
        if size & 1:
            return None  # its number in the list that all share
        return self._text(size >> 1)

    def _text(self, size: int) -> str:
        text = self._take(size).decode()
        self._byte()  # a zero
        return text

    def _object(self) -> object:
        kind = self._byte()
        if kind in _OBJECTS:
            return _OBJECTS[kind]
        size = self._integer()
        if kind == _TUPLE:
            return tuple(self._object() for _ in range(size))
        if kind == _TEXT:
            return self._text(size)
        data = self._take(size)
        if kind == _BYTES:
            self._byte()
            return data
        if kind not in (_INT, _FLOAT, _COMPLEX):
            raise ValueError(f"a constant of kind {kind}")
        return {_INT: int, _FLOAT: float, _COMPLEX: complex}[kind](data.decode())

    def _code(self) -> Code:
        kind = self._integer()
        if kind & 3:
            raise ValueError("it has native code")
        end = self._at + (kind >> 3)
        code = self._function(end)
        if kind & 4:
            code.children = [self._code() for _ in range(self._integer())]
        return code

    def _function(self, end: int) -> Code:
        begin = self._at
        arguments, defaults = self._signature()
        info, cells = self._sizes()
        behind = self._at + info
        name, *_ = [self._integer() for _ in range(1 + arguments)]
        head, lines = self._at - begin, behind - self._at
        self._at = behind + cells
        is_body = False
        while self._at < end:
            is_body |= self._opcode() == _STORE_NAME  # a function has no such names
        if self._at != end:
            raise ValueError("an opcode is cut short")
        return Code(name, arguments, defaults, head, lines, end - behind, is_body)

    def _signature(self) -> tuple[int, int]:
        """How many arguments there are, and default values of positional ones."""
        byte = self._byte()  # xSSSSEAA
        positional, keyword, defaults, number = byte & 3, 0, 0, 0
        while byte & 0x80:
            byte = self._byte()  # xFSSKAED
            positional |= (byte & 4) << number
            keyword |= (byte >> 3 & 1) << number
            defaults |= (byte & 1) << number
            number += 1
        return positional + keyword, defaults

    def _sizes(self) -> tuple[int, int]:
        """The bytes of names and line numbers, and of cells."""
        info = cells = number = 0
        while True:
            byte = self._byte()  # xIIIIIIC
            info |= (byte >> 1 & 0x3F) << 6 * number
            cells |= (byte & 1) << number
            number += 1
            if not byte & 0x80:
                return info, cells

    def _opcode(self) -> int:
        opcode = self._byte()
        form = _FORMATS[opcode >> 4]
        if form in (_NAME, _INTEGER):
            self._integer()
        elif form == _OFFSET:
            self._take(self._byte() >> 7)  # one byte, or two
        if not opcode & _EXTRA:
            self._byte()
        return opcode
