"""A Cortex-M3 in QEMU that runs MicroPython: its console is a raw REPL, its UART 1 a socket."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from pathlib import Path

from tools.make.compile import RECORD, compile_all, modules
from tools.make.firmware import qemu
from tools.make.romfs import romfs
from tools.shared.paths import LIB
from tools.shared.process import popen

START_S = 20.0
_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
_ENTER = b"\r\x03\x01"  # what was typed is given up, what runs is interrupted, the raw REPL begins
_END = b"\x04"


ROMFS, LITTLEFS = "romfs", "littlefs"
INSIDE = Path(__file__).parent / "inside"


class Board:
    """The firmware, and images of lib/mqtt with the programs of inside/, made when asked for.

    more: folders of further programs
    """

    def __init__(self, folder: Path, *more: Path) -> None:
        sources = [source for path in (INSIDE, *more) for source in modules(path)]
        compile_all([*modules(LIB / "mqtt", "mqtt/"), *sources], folder / "files")
        (folder / "files" / RECORD).unlink()
        self._folder = folder
        self._images: dict[str, Path] = {}
        self._firmware: dict[int, Path] = {}

    def image(self, kind: str) -> Path:
        """The image of that kind, ROMFS or LITTLEFS."""
        if kind not in self._images:
            make = {ROMFS: romfs, LITTLEFS: qemu.littlefs}[kind]
            self._images[kind] = make(self._folder / "files", self._folder / f"{kind}.img")
        return self._images[kind]

    def start(self, kind: str = ROMFS, heap: int = qemu.HEAP) -> Cortex:
        """Switch it on, with an image of that kind and a heap of so many bytes."""
        if heap not in self._firmware:
            self._firmware[heap] = qemu.build(heap)
        return Cortex(self._firmware[heap], self.image(kind))


class Raised(Exception):
    """What ran on the Cortex-M3 raised something; the text is what it printed, and why."""


class Cortex:
    """The board, with an image mounted as /lib. A context manager.

    firmware: its ELF file; image: see tools.make.firmware.qemu
    uart: the far end of UART 1
    """

    def __init__(self, firmware: Path, image: Path) -> None:
        self._image = image
        self.uart, near = socket.socketpair()
        command = [
            *(str(qemu.EMULATOR), "-machine", qemu.MACHINE, "-display", "none", "-nic", "none"),
            *("-monitor", "none", "-semihosting", "-kernel", str(firmware)),
            *("-device", f"loader,file={image},addr={qemu.IMAGE_AT:#x},force-raw=on"),
            *("-serial", "stdio", "-chardev", f"socket,id=uart1,fd={near.fileno()}"),
            *("-serial", "chardev:uart1"),
        ]
        self._process = popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(near.fileno(),),
        )
        near.close()
        self._said = b""
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Cortex:
        try:
            self._type(_ENTER)
            self._until(_PROMPT, START_S)
            self.run(
                "import sys, image\n"
                f"image.mount({self._image.stat().st_size})\n"
                "sys.path.append('/lib')"
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self.uart.close()

    def start(self, code: str) -> None:
        """Begin to run a few lines of code."""
        self._type(code.encode() + _END)
        self._until(b"OK", START_S)

    def finish(self, timeout: float = 60) -> str:
        """What the code has printed since wait() or start(), once it ends.

        Raises Raised, or TimeoutError after `timeout` seconds.
        """
        printed = self._until(_END, timeout)
        traceback = self._until(_END, timeout)
        self._until(b">", timeout)
        if traceback:
            raise Raised(_text(printed + traceback))
        return _text(printed)

    def run(self, code: str, timeout: float = 60) -> str:
        """Run a few lines of code; returns what they print. See finish()."""
        self.start(code)
        return self.finish(timeout)

    def wait(self, line: str, timeout: float = 60) -> str:
        """Wait until the code prints this line; returns what it printed before."""
        return _text(self._until(f"{line}\r\n".encode(), timeout))

    def type(self, text: str) -> None:
        """Type at the console, for code that reads from there."""
        self._type(text.encode())

    def _type(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.buffer.write(data)  # type: ignore[attr-defined]
        self._process.stdin.flush()

    def _until(self, mark: bytes, timeout: float) -> bytes:
        """Take what was said up to a mark."""
        end = time.monotonic() + timeout
        with self._changed:
            while mark not in self._said:
                left = end - time.monotonic()
                if left <= 0 or self._ended:
                    how = "ended" if self._ended else f"did not say {mark!r} within {timeout} s"
                    raise TimeoutError(f"the Cortex-M3 {how}; it said {self._said[-2000:]!r}")
                self._changed.wait(left)
            before, _, self._said = self._said.partition(mark)
            return before

    def _read(self) -> None:
        assert self._process.stdout
        raw = self._process.stdout.buffer.raw  # type: ignore[attr-defined]
        while data := raw.read(4096):
            with self._changed:
                self._said += data
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _text(said: bytes) -> str:
    return said.decode(errors="replace").replace("\r\n", "\n").strip()
