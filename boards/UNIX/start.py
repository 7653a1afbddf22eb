# Starts the simulated board as firmware does: boot.py, then main.py. As on a board, what was
# written to a file but not flushed is lost with the power.
import builtins
import io
import os
import sys

from bench import ask

_open = open


class _Unflushed(io.IOBase):
    """A file opened for writing; the data reaches the flash with flush() or close()."""

    def __init__(self, name, mode):
        self._name = name
        self._append = "a" in mode
        self._data = bytearray()

    def write(self, data):
        self._data.extend(data)  # text, too: its bytes
        return len(data)

    def flush(self):
        if self._append:
            with _open(self._name, "ab") as file:
                file.write(self._data)
        else:
            with _open(self._name + "~", "wb") as file:
                file.write(self._data)
            os.rename(self._name + "~", self._name)
        self._append = True
        self._data = bytearray()

    def close(self):
        if self._data or not self._append:
            self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def _board_open(name, mode="r", *more):
    if "w" in mode or "a" in mode:
        return _Unflushed(name, mode)
    return _open(name, mode, *more)


builtins.open = _board_open
for name in ("boot.py", "main.py"):
    try:
        if name in os.listdir():
            execfile(name, {"__name__": "__main__"})  # noqa: F821
    except SystemExit:
        break
    except BaseException as error:
        sys.print_exception(error)
ask("ended")
