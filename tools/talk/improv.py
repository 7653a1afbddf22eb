"""Improv Wi-Fi over serial, the computer's side: its packets, and a conversation with a board.

https://www.improv-wifi.com/serial/ has the format. The board's prints come between the packets.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from tools.shared.errors import ToolError

HEAD = b"IMPROV\x01"
AGAIN_S = 1.0  # until a board that doesn't answer is asked again


class Kind(IntEnum):
    """Types of packets."""

    STATE = 1
    ERROR = 2
    COMMAND = 3
    RESULT = 4


class Command(IntEnum):
    """What a board can be asked."""

    SETTINGS = 1
    STATE = 2
    INFO = 3
    SCAN = 4


class State(IntEnum):
    """What a board is doing."""

    STOPPED = 0
    AWAITING = 1
    READY = 2
    PROVISIONING = 3
    PROVISIONED = 4


class Error(IntEnum):
    """Why a board refuses."""

    NONE = 0
    MALFORMED = 1
    UNKNOWN_COMMAND = 2
    NOT_JOINED = 3
    OTHER = 255


def texts_encode(texts: tuple[str, ...] | list[str]) -> bytes:
    """Texts as a command and a result carry them: each behind its length."""
    return b"".join(bytes((len(raw),)) + raw for raw in (text.encode() for text in texts))


def texts_decode(data: bytes) -> list[str]:
    """The texts in a command or a result. Raises ValueError if the lengths don't fit."""
    texts = []
    while data:
        size, data = data[0], data[1:]
        if size > len(data):
            raise ValueError("cut short")
        texts.append(data[:size].decode(errors="replace"))
        data = data[size:]
    return texts


@dataclass(frozen=True)
class Packet:
    """One packet; `data` has at most 255 bytes."""

    kind: int
    data: bytes

    def encode(self) -> bytes:
        """The packet's bytes, with the end of line that clients send."""
        body = HEAD + bytes((self.kind, len(self.data))) + self.data
        return body + bytes((sum(body) & 255, 10))


def request(command: int, *texts: str) -> Packet:
    """A command with its texts."""
    data = texts_encode(texts)
    return Packet(Kind.COMMAND, bytes((command, len(data))) + data)


class Decoder:
    """Takes bytes as they come; gives packets, and the lines of text between them."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Packet | str]:
        """What is complete with these bytes."""
        self._held += data
        while True:
            at = self._held.find(HEAD)
            if at < 0:
                yield from self._lines(len(self._held))
                return
            if at:
                yield from self._lines(at)
                at = self._held.find(HEAD)
            length = at + len(HEAD) + 1
            if len(self._held) <= length:
                return
            end = length + 1 + self._held[length]
            if len(self._held) <= end:
                return
            raw = self._held[at : end + 1]
            if sum(raw[:-1]) & 255 == raw[-1]:
                self._held = self._held[:at] + self._held[end + 1 :]
                yield Packet(raw[len(HEAD)], raw[len(HEAD) + 2 : -1])
            else:  # it only looked like one
                self._held = self._held[at + 1 :]

    def _lines(self, end: int) -> Iterator[str]:
        """The whole lines before `end`; what may still become one stays."""
        *lines, _ = self._held[:end].split(b"\n")
        self._held = self._held[sum(len(line) + 1 for line in lines) :]
        for line in lines:
            text = "".join(c for c in line.decode(errors="replace") if c.isprintable()).strip()
            if text:
                yield text


class Port(Protocol):
    """As much of serial.Serial as is used; read() waits for a moment at most."""

    def read(self, size: int, /) -> bytes:
        """What has come, at most `size` bytes."""

    def write(self, data: bytes, /) -> int | None:
        """Send."""


class RefusedError(Exception):
    """The board has answered with an error."""

    def __init__(self, error: int) -> None:
        names = {each.value: each.name.lower().replace("_", " ") for each in Error}
        super().__init__(names.get(error, f"error {error}"))
        self.error = error


class Board:
    """A board at the other end of a serial port; say: called with each line that it prints."""

    def __init__(self, port: Port, say: Callable[[str], None] = lambda line: None) -> None:
        self._port = port
        self._say = say
        self._decoder = Decoder()
        self._packets: deque[Packet] = deque()

    def state(self, timeout: float) -> State | None:
        """Its state, asked for again and again; None if no answer comes."""
        end = time.monotonic() + timeout
        while (now := time.monotonic()) < end:
            self._send(request(Command.STATE))
            for packet in self._until(min(end, now + AGAIN_S)):
                if packet.kind == Kind.STATE and packet.data:
                    return State(packet.data[0])
        return None

    def info(self, timeout: float = 5) -> list[str]:
        """Firmware, version, chip, name."""
        return next(self._results(Command.INFO, timeout))

    def scan(self, timeout: float = 30) -> list[tuple[str, int, bool]]:
        """Name, signal in dBm and whether it wants a password, of each network in reach."""
        found = []
        for texts in self._results(Command.SCAN, timeout):
            if len(texts) < 3:
                break
            found.append((texts[0], int(texts[1]), texts[2] != "NO"))
        return found

    def join(self, ssid: str, password: str, timeout: float = 60) -> list[str]:
        """Have it join a network: what it answers then, the address of its page first.

        Raises RefusedError if it can't.
        """
        return next(self._results(Command.SETTINGS, timeout, ssid, password))

    def listen(self, seconds: float) -> None:
        """Take what the board prints for so long."""
        for _ in self._until(time.monotonic() + seconds):
            pass

    def _results(self, command: Command, timeout: float, *texts: str) -> Iterator[list[str]]:
        self._packets.clear()
        self._send(request(command, *texts))
        for packet in self._until(time.monotonic() + timeout):
            if packet.kind == Kind.ERROR and packet.data and packet.data[0]:
                raise RefusedError(packet.data[0])
            if packet.kind == Kind.RESULT and packet.data[:1] == bytes((command,)):
                yield texts_decode(packet.data[2:])
        raise ToolError("the board has stopped answering", "Reset it, and try again.")

    def _send(self, packet: Packet) -> None:
        self._port.write(packet.encode())

    def _until(self, end: float) -> Iterator[Packet]:
        while time.monotonic() < end:
            while self._packets:
                yield self._packets.popleft()
            for each in self._decoder.feed(self._port.read(256)):
                if isinstance(each, str):
                    self._say(each)
                else:
                    self._packets.append(each)
