# Plays a board's raw REPL on stdin and stdout, so that mpremote finds a board at the other end of
# a terminal. What it is sent runs here, on the files of the current folder. machine.reset() is
# noted in the file that is the argument. Source: MicroPython's documentation of the raw REPL.
# With a second file the board has a ROMFS, as an ESP8266 has: that file is its flash. A number as
# the third argument: the power goes in the middle of that operation of the flash, counted from 1.
import hashlib
import io
import sys

import vfs

_BANNER = "raw REPL; CTRL-B to exit\r\n>"
_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D = b"\x01", b"\x02", b"\x03", b"\x04"


class Machine:
    def reset(self):
        with open(sys.argv[1], "a") as file:
            file.write("reset\n")

    def unique_id(self):  # two boards never have the same folder
        return hashlib.sha256(sys.argv[1].encode()).digest()[:6]


class Vfs:
    """The module vfs of a board with a ROMFS. Erased bits are 1, and a write only clears some."""

    BLOCK = 4096

    def __init__(self, path, cut):
        with open(path, "rb") as file:
            self._flash = bytearray(file.read())
        self._path = path
        self._cut = cut

    def __getattr__(self, name):
        return getattr(vfs, name)

    def umount(self, where):
        if where != "/rom":
            vfs.umount(where)

    def rom_ioctl(self, what, *more):
        if what == 1:
            return 1
        if what == 2:
            return memoryview(self._flash)
        if what == 3:
            for at in range(0, more[1], self.BLOCK):
                self._change(at, b"\xff" * self.BLOCK)
            return 4
        if what == 4:
            old = self._flash[more[1] : more[1] + len(more[2])]
            self._change(more[1], bytes(a & b for a, b in zip(old, more[2])))
            return 0
        return -22  # EINVAL

    def _change(self, at, data):
        self._cut -= 1
        if not self._cut:
            data = data[: len(data) // 2]
        self._flash[at : at + len(data)] = data
        with open(self._path, "r+b") as file:
            file.seek(at)
            file.write(data)
        if not self._cut:
            raise SystemExit


def execute(code, names):
    """Run code; returns what the board says after its output."""
    errors = io.StringIO()
    try:
        exec(code, names)
    except Exception as error:
        sys.print_exception(error, errors)
    return "\x04" + errors.getvalue() + "\x04>"


def serve():
    say = sys.stdout.write
    names = {}
    code = b""
    while True:
        char = sys.stdin.buffer.read(1)
        if not char:
            return
        if char == _CTRL_A:
            say(_BANNER)
            code = b""
        elif char in (_CTRL_B, _CTRL_C):
            code = b""
        elif char != _CTRL_D:
            code += char
        elif code.strip():
            say("OK")
            say(execute(code, names))
            code = b""
        else:
            names = {}
            say("OK\r\nMPY: soft reboot\r\n" + _BANNER)


sys.modules["machine"] = Machine()
if len(sys.argv) > 2:
    sys.modules["vfs"] = Vfs(sys.argv[2], int(sys.argv[3]))
serve()
