"""Carries one connection of the board's to the broker: one frame at a time, each acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from tools.talk.bridge.frames import LARGEST, Frame
from tools.talk.connection import Address

CONNECT_S = 8.0  # the board gives up after 10
AGAIN_S = 0.5  # first pause after which a frame is sent again; it doubles
LONGEST_S = 4.0
TIME_S = 3600.0  # from one telling of the time to the next
SILENT_S = 30.0  # a board that acknowledges nothing for so long is gone


def reason(error: OSError) -> str:
    """Why it failed, in words."""
    if isinstance(error, TimeoutError):
        return "it doesn't answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate isn't accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason}; is that port one without TLS?"
    if error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _now() -> bytes:
    """The time as a frame carries it."""
    return int(time.time()).to_bytes(4, "big")


@dataclass
class Counters:
    """What the bridge has done since it started."""

    connections: int = 0
    up: int = 0  # bytes from the board to the broker
    down: int = 0
    again: int = 0  # frames sent again
    twice: int = 0  # frames that came again

    def text(self, damaged: int) -> str:
        """All of it in one line."""
        return (
            f"{self.connections} connections, {self.up:,} bytes to the broker, {self.down:,} "
            f"to the board; frames damaged {damaged}, sent again {self.again}, "
            f"received twice {self.twice}"
        )


class Carrier:
    """One connection, from the board's OPEN frame on; run() returns why it ended.

    number: the board's for this connection; size: most bytes of data that it takes in a frame
    send: takes frames for the board; busy: tells that the port has not taken the last ones yet
    """

    def __init__(
        self, number: int, size: int, send: Callable[[Frame], None], busy: Callable[[], bool],
        counters: Counters,
    ) -> None:  # fmt: skip
        self.number = number
        self.open = self.stood = False  # now; at any time
        self.size = max(1, min(size, LARGEST))
        self._send = send
        self._busy = busy
        self._counters = counters
        self._came: asyncio.Queue[bytes | None] = asyncio.Queue()  # None: the board closes
        self._untaken = False  # the broker has not taken the last data of the board's yet
        self._expected = 0
        self._next = 0
        self._taken = asyncio.Event()

    # --- what comes from the board

    def frame(self, frame: Frame) -> None:
        """Take in a frame of this connection."""
        if frame.kind == "O" and self.open:  # the answer was lost
            self._opened()
        elif frame.kind == "A" and frame.number == self._next:
            self._taken.set()
        elif frame.kind == "C":
            self._came.put_nowait(None)
        elif frame.kind == "D" and self.open:
            self._data(frame)

    def _data(self, frame: Frame) -> None:
        if frame.number == self._expected and not self._untaken:
            self._expected = (frame.number + 1) % 256
            self._untaken = True
            self._came.put_nowait(frame.data)
            return
        self._counters.twice += 1
        if frame.number == (self._expected - 1) % 256 and not self._untaken:
            self._send(Frame("a", self.number, frame.number))

    # --- the life of a connection

    async def run(self, broker: Address, connected: Callable[[], None]) -> str:
        """Connect, and carry until one side ends it; raises OSError if there is no broker."""
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                broker.host, broker.port, ssl=broker.context
            )
        ways = (self._up(writer), self._down(reader), self._tell_time())
        tasks = [asyncio.create_task(each) for each in ways]
        try:
            self._counters.connections += 1
            self.open = self.stood = True
            connected()
            self._opened()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            try:
                return done.pop().result()
            except OSError as error:
                return f"the broker: {reason(error)}"
        except asyncio.CancelledError:
            writer.transport.abort()  # no goodbye: the board gave none, so its last will counts
            raise
        finally:
            self.open = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _opened(self) -> None:
        self._send(Frame("o", self.number, 0, _now()))

    async def _tell_time(self) -> NoReturn:
        """The board's clock drifts; a telling that is lost does not matter, for the next comes."""
        while True:
            await asyncio.sleep(TIME_S)
            self._send(Frame("t", self.number, 0, _now()))

    async def _up(self, writer: asyncio.StreamWriter) -> str:
        while (data := await self._came.get()) is not None:
            writer.write(data)
            await writer.drain()
            self._counters.up += len(data)
            self._untaken = False
            self._send(Frame("a", self.number, (self._expected - 1) % 256))
        return "the board closed it"

    async def _down(self, reader: asyncio.StreamReader) -> str:
        while data := await reader.read(self.size):
            if not await self._delivered(data):
                return f"the board has not answered for {SILENT_S:.0f} s"
            self._counters.down += len(data)
        return "the broker closed it"

    async def _delivered(self, data: bytes) -> bool:
        """Send until it is acknowledged; False if it never is."""
        frame = Frame("d", self.number, self._next, data)
        self._taken.clear()
        end = time.monotonic() + SILENT_S
        pause = AGAIN_S
        self._send(frame)
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                # Not wait_for(): in Python 3.11 it may lose a cancellation.
                async with asyncio.timeout(pause):
                    await self._taken.wait()
                self._next = (self._next + 1) % 256
                return True
            pause = min(2 * pause, LONGEST_S)
            if not self._busy():
                self._counters.again += 1
                self._send(frame)
        return False
