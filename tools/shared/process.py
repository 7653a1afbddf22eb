"""Child processes that never outlive this one."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> Callable[[], None] | None:
    """What a child runs first so that the kernel ends it with its parent; Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


_preexec = _die_with_parent()
# The kernel ties a child to the thread that made it, so one thread that lasts makes them all.
_maker = ThreadPoolExecutor(1, "make-processes")


def popen(command: list[str], **options: Any) -> subprocess.Popen[str]:
    """subprocess.Popen in text mode, for a child that is killed when this process dies.

    Bytes that aren't text are replaced: a board may end within a character.
    """
    options.setdefault("errors", "replace")

    def make() -> subprocess.Popen[str]:
        return subprocess.Popen(command, text=True, preexec_fn=_preexec, **options)

    return _maker.submit(make).result()
