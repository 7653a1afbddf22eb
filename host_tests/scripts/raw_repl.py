# Plays a board's raw REPL on stdin and stdout, so that mpremote finds a board at the other end of
# a terminal. What it is sent runs here, on the files of the current folder. machine.reset() is
# noted in the file that is the argument. Source: MicroPython's documentation of the raw REPL.
import io
import sys

_BANNER = "raw REPL; CTRL-B to exit\r\n>"
_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D = b"\x01", b"\x02", b"\x03", b"\x04"


class Machine:
    def reset(self):
        with open(sys.argv[1], "a") as file:
            file.write("reset\n")


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
serve()
