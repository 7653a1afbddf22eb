"""A module that has Python's names, and some of MicroPython's over them."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class Over(ModuleType):
    """Python's module of a name, with other or additional names."""

    def __init__(self, name: str, **names: Any) -> None:
        super().__init__(name)
        self._under = importlib.import_module(name)
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)


class Alone(ModuleType):
    """A module that Python lacks."""

    def __init__(self, name: str, **names: Any) -> None:
        super().__init__(name)
        vars(self).update(names)
