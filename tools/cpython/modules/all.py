"""The modules by their names, as lib/ imports them, and what it has as built-in names."""

from __future__ import annotations

import builtins
import io
import os
import select
import socket
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tools.cpython.modules import clock, streams, tls, waiting
from tools.cpython.modules.base import Alone, Over

_TICKS = ("ticks_", "sleep_")
_PLENTY = 1 << 30  # bytes of RAM that are free


class _Bytearray(type):
    """So that Python's own bytearrays are of it, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, builtins.bytearray)


class Bytes(bytearray, metaclass=_Bytearray):
    """bytearray as MicroPython has it: extend() takes str as well."""

    def extend(self, data: Any) -> None:
        super().extend(data.encode() if isinstance(data, str) else data)


class _Modules(dict[str, ModuleType]):
    """sys.modules, of which nothing is ever forgotten: RAM is no reason to, here."""

    def pop(self, name: str, default: Any = None) -> Any:
        return default

    def __setitem__(self, name: str, module: ModuleType) -> None:
        sys.modules[name] = module

    def __getitem__(self, name: str) -> ModuleType:
        return sys.modules[name]

    def get(self, name: str, default: Any = None) -> Any:
        return sys.modules.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in sys.modules


class BytesIO(io.BytesIO):
    """As MicroPython has it: a number sets the room to begin with."""

    def __init__(self, start: Any = b"") -> None:
        super().__init__(b"" if isinstance(start, int) else start)


def print_exception(error: BaseException, file: Any = None) -> None:
    traceback.print_exception(error, file=file or sys.stdout)


def ilistdir(folder: str = ".") -> Iterator[tuple[str, int]]:
    """The names in a folder, with their kinds."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name, 0x4000 if entry.is_dir() else 0x8000


def const(value: Any) -> Any:
    """MicroPython's compiler folds it; here it is the value."""
    return value


def modules() -> dict[str, ModuleType]:
    """MicroPython's modules, as far as lib/ uses more of them than Python has."""
    core = Alone("asyncio.core", TaskQueue=waiting.TaskQueue)
    return {
        "asyncio": Over(
            "asyncio", core=core, sleep_ms=waiting.sleep_ms, StreamReader=waiting.StreamReader
        ),
        "asyncio.core": core,
        "gc": Over("gc", collect=lambda: 0, mem_free=lambda: _PLENTY),
        "io": Over("io", IOBase=streams.IOBase, BytesIO=BytesIO),
        "os": Over("os", ilistdir=ilistdir),
        "micropython": Alone("micropython", const=const),
        "select": Over("select", **_select()),
        "socket": Over("socket", socket=streams.Socket, getaddrinfo=socket.getaddrinfo),
        "sys": Over("sys", modules=_Modules(), print_exception=print_exception),
        "time": Over("time", **_public(clock)),
        "tls": tls,
    }


def _select() -> dict[str, Any]:
    names = {name: getattr(select, name) for name in ("POLLERR", "POLLHUP", "POLLIN", "POLLOUT")}
    return {**names, "poll": streams.Poll}


def _public(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if name.startswith(_TICKS)}
