"""Fewer names in the RAM of a board: what a .mpy file calls by a name that each firmware has.

A name that MicroPython's firmware lacks stays in the heap from the moment a module with it is
loaded until the board is reset: some 15 bytes, and a place in a pool that doubles, in one piece,
when it is full. At the 621st name that takes 4.5 KB. So attributes that only Petrel's own code
uses, and private ones of its drivers, get a name of MicroPython's there, and a module of a package
is imported from within as `.module`, which leaves no name behind unless it is loaded. The source
keeps its own names.

Nothing else is renamed: not a function or a class, which a traceback shows, and nothing that a
program, a driver or a page of the documentation may use. `ATTRIBUTES` is a list that someone has
looked through; host_tests/test_names.py holds that no other code can mean one of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tools.make.compile import Source
from tools.shared.paths import LIB

# Only lib/node, lib/mqtt and, of those with an underscore, lib/sensors know them, and only by
# `object.name`.
ATTRIBUTES = """
    _ahead _dial _kept _old _pids _share acked alone announce asked asked_at awaited began behind
    body buses catches due entry epoch faulty gave_up heard known moved news ntp_left past
    payload_at ping_due proven reading rebooted resent rx second sent sent_at since spoke states
    tokens tx unreleased unset until view waited wlan
    _abc _begun _byte _count _curve _edge _h _saved _since _t _taken _tens _tries _volt _waits
    _written
""".split()  # noqa: SIM905
# Every .mpy file can refer to them by a number: they are in each firmware, see py/qstr.h. None of
# them means anything to MicroPython as an attribute of an object.
NAMES = """
    ArithmeticError AssertionError AttributeError BaseException EOFError Ellipsis Exception
    GeneratorExit ImportError IndentationError IndexError KeyError KeyboardInterrupt LookupError
    MemoryError NameError NoneType NotImplementedError OSError OverflowError RuntimeError
    StopIteration SyntaxError SystemExit TypeError ValueError ZeroDivisionError abs all bool
    bytearray bytecode callable chr classmethod dict dir divmod eval exec getattr globals hasattr
    insert isalpha isinstance islower isspace issubclass isupper locals map ord pow
    repr reverse rindex round setattr sorted staticmethod str sum super tuple zip
""".split()  # noqa: SIM905
_PACKAGES = ("node", "mqtt", "sensors")


def short(source: Source) -> bytes:
    """The text of a module as it is compiled for a board; its lines are those of the source."""
    text = source.path.read_bytes()
    parts = source.path.relative_to(LIB).parts if source.path.is_relative_to(LIB) else ("",)
    if parts[0] not in _PACKAGES:
        return text
    try:
        tree = ast.parse(text)
    except SyntaxError:  # the compiler will say what is wrong
        return text
    lines = text.splitlines(keepends=True)
    found = [*_attributes(tree), *_imports(tree, lines, ".".join(parts[:-1]))]
    for line, start, end, new in sorted(found, reverse=True):
        lines[line] = lines[line][:start] + new.encode() + lines[line][end:]
    return b"".join(lines)


@cache
def renamed() -> dict[str, str]:
    """What each attribute is called in a .mpy file."""
    return dict(zip(ATTRIBUTES, NAMES, strict=False))


# A place in a file: the line from 0, where in it, and what is to stand there.
_Place = tuple[int, int, int, str]


def _attributes(tree: ast.AST) -> Iterator[_Place]:
    new = renamed()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in new:
            assert node.end_lineno and node.end_col_offset
            end = node.end_col_offset
            yield node.end_lineno - 1, end - len(node.attr), end, new[node.attr]
        elif isinstance(node, ast.ClassDef):
            for target in class_level(node):
                if target.id in new:
                    start = target.col_offset
                    yield target.lineno - 1, start, start + len(target.id), new[target.id]


def class_level(node: ast.ClassDef) -> Iterator[ast.Name]:
    """What is assigned in the body of a class: attributes, too."""
    for each in node.body:
        targets: list[ast.expr] = []
        if isinstance(each, ast.Assign):
            targets = each.targets
        elif isinstance(each, ast.AnnAssign):
            targets = [each.target]
        yield from (target for target in targets if isinstance(target, ast.Name))


def _imports(tree: ast.AST, lines: list[bytes], package: str) -> Iterator[_Place]:
    """`from package.module import`, inside of that package, as `from .module import`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            folder, _, name = node.module.rpartition(".")
            line = node.lineno - 1
            at = re.compile(rb"from +([\w.]+)").match(lines[line], node.col_offset)
            if folder == package and at:
                yield line, at.start(1), at.end(1), "." + name
