"""Loads the files of lib/ as MicroPython would see them.

Their `import` looks for MicroPython's modules first, see tools.cpython.modules, and bytearray
takes text as MicroPython's does. Nothing else in the process changes.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any

from tools.cpython.modules.all import Bytes, modules
from tools.cpython.modules.waiting import client
from tools.shared.paths import LIB

MODULES = modules()
PACKAGES = {"mqtt": [LIB / "mqtt"]}  # what is loaded so, and the folders where it is
LATE: dict[str, str] = {}  # modules of MicroPython's that are loaded when used: where they are
# What is made of a module once it has been loaded.
AFTER: dict[str, Callable[[ModuleType], None]] = {
    "mqtt.client": lambda module: setattr(module, "Client", client(vars(module)["Client"])),
}


def _import(
    name: str,
    globals: Any = None,
    locals: Any = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """`import` in lib/."""
    if not level and name in MODULES:
        return MODULES[name]
    if not level and name in LATE:
        MODULES[name] = importlib.import_module(LATE[name])
        return MODULES[name]
    return builtins.__import__(name, globals, locals, fromlist or (), level)


# A module of its own: lib/node replaces its print().
_builtins = ModuleType("builtins")
BUILTINS = vars(_builtins)
BUILTINS.update({**vars(builtins), "__import__": _import, "bytearray": Bytes})
MODULES["builtins"] = _builtins


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        run_in(module.__dict__)
        super().exec_module(module)
        if module.__name__ in AFTER:
            AFTER[module.__name__](module)


def run_in(names: dict[str, Any]) -> None:
    """What runs with these global names sees MicroPython's modules."""
    names["__builtins__"] = BUILTINS


class _Finder:
    """Finds what is in PACKAGES, before Python looks for it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, *rest = name.split(".")
        if package not in PACKAGES:
            return None
        for folder in PACKAGES[package]:
            place = folder.joinpath(*rest)
            start, file = place / "__init__.py", place.with_name(place.name + ".py")
            if start.exists():
                loader = _Loader(name, str(start))
                return importlib.util.spec_from_file_location(
                    name, start, loader=loader, submodule_search_locations=[str(place)]
                )
            if file.exists():
                loader = _Loader(name, str(file))
                return importlib.util.spec_from_file_location(name, file, loader=loader)
        return None


def install() -> None:
    """From now on, `import mqtt` and what is below it are Petrel's."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
