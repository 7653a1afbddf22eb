"""The bridge between one serial port and one broker, over everything that comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from tools.talk.bridge.carrier import Carrier, Counters, reason
from tools.talk.bridge.frames import Decoder, Frame
from tools.talk.bridge.port import SerialPort, open_port
from tools.talk.connection import Address

HINT_S = 20.0  # a board that has sent no frame for so long perhaps never will
REPORT_S = 60.0  # from one line of counters to the next, if they have changed


class Shown(Protocol):
    """Where the bridge tells what happens."""

    def say(self, text: str) -> None:
        """A line of the bridge's own."""

    def text(self, data: bytes) -> None:
        """What the board printed."""


class Bridge:
    """A bridge; run() ends by being cancelled.

    port: the name of the serial port; baud: its speed
    """

    def __init__(self, port: str, baud: int, broker: Address, shown: Shown) -> None:
        self._name = port
        self._baud = baud
        self._broker = broker
        self._shown = shown
        self._decoder = Decoder()
        self._counters = Counters()
        self._port: SerialPort | None = None
        self._carrier: Carrier | None = None
        self._task: asyncio.Task[None] | None = None
        self._heard = False  # a frame has come since the port was opened
        self._refused = ""  # why there was no broker, the last time

    def summary(self) -> str:
        """The counters in one line."""
        return self._counters.text(self._decoder.damaged)

    def type(self, keys: bytes) -> None:
        """Send what somebody typed, for the board's REPL."""
        if self._port:
            self._port.send(keys)

    async def run(self) -> None:
        """Serve the port whenever it is there; raises ToolError where waiting is no help."""
        report = asyncio.create_task(self._report())
        try:
            while True:
                self._port = await open_port(
                    self._name, self._baud, self._received, self._shown.say
                )
                await self._serve(self._port)
        finally:
            report.cancel()

    async def _serve(self, port: SerialPort) -> None:
        self._heard = False
        self._shown.say(f"{self._name} is open; the broker is {self._broker}")
        hint = asyncio.get_running_loop().call_later(HINT_S, self._hint)
        try:
            self._send(Frame("c", 0))  # what the board believes to be open is not
            self._shown.say(f"{self._name} is gone: {await port.lost}")
        finally:
            hint.cancel()
            await self._end()
            port.close()
            self._port = None

    def _hint(self) -> None:
        if not self._heard:
            self._shown.say(
                f'no frame has come for {HINT_S:.0f} s: is "mqtt": {{"serial": ...}} in the '
                "board's config.json, and is its node running?"
            )

    async def _report(self) -> None:
        told = self.summary()
        while True:
            await asyncio.sleep(REPORT_S)
            if self.summary() != told:
                told = self.summary()
                self._shown.say(told)

    # --- frames

    def _send(self, frame: Frame) -> None:
        if self._port:
            self._port.send(frame.encode())

    def _busy(self) -> bool:
        return self._port is not None and self._port.busy

    def _received(self, data: bytes) -> None:
        for each in self._decoder.feed(data):
            if isinstance(each, Frame):
                self._heard = True
                self._frame(each)
            else:
                self._shown.text(each)

    def _frame(self, frame: Frame) -> None:
        carrier = self._carrier
        if carrier and carrier.number == frame.connection:
            carrier.frame(frame)
        elif frame.kind == "O" and frame.data:
            self._begin(frame.connection, frame.data[0])
        elif frame.kind == "D":  # of a connection that is no more
            self._send(Frame("c", frame.connection))

    def _begin(self, number: int, size: int) -> None:
        """The board opens a connection; the last one, if any, it has given up."""
        before, self._task = self._task, None
        carrier = Carrier(number, size, self._send, self._busy, self._counters)
        self._carrier = carrier
        self._task = asyncio.create_task(self._carry(carrier, before))

    async def _carry(self, carrier: Carrier, before: asyncio.Task[None] | None) -> None:
        if before:
            before.cancel()
            await asyncio.wait([before])
        try:
            why = await carrier.run(self._broker, self._connected)
            self._shown.say(f"the connection has ended: {why}; {self.summary()}")
            answer = Frame("c", carrier.number)
        except OSError as error:
            why = reason(error)
            if why != self._refused:
                self._shown.say(f"no broker at {self._broker}: {why}; the board tries again")
            self._refused = why
            text = f"{self._broker}: {why}".encode("ascii", "replace")
            answer = Frame("r", carrier.number, 0, text[: carrier.size])
        except asyncio.CancelledError:
            if carrier.stood:
                gone = f"the board is gone, or starts again; {self.summary()}"
                self._shown.say(f"the connection has ended: {gone}")
            raise
        if self._carrier is carrier:
            self._carrier = None
        self._send(answer)

    def _connected(self) -> None:
        self._refused = ""
        self._shown.say("the board is connected")

    async def _end(self) -> None:
        task, self._task = self._task, None
        self._carrier = None
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
