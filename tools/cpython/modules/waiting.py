"""The asyncio client of lib/mqtt on Python's event loop, and what MicroPython's asyncio has more.

MicroPython's client hands its tasks to the scheduler by itself. Here it waits for futures, and the
loop looks at its connection.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tools.cpython.modules.streams import POLLIN, POLLOUT, interest

_TICK_MS = 1000  # longest time between two looks at the deadlines
_AGAIN_MS = 10  # between two looks at a stream that has no file


async def sleep_ms(ms: int) -> None:
    await asyncio.sleep(ms / 1000)


class StreamReader:
    """MicroPython's, over a file that blocks, such as sys.stdin.buffer."""

    def __init__(self, file: Any) -> None:
        self._file = file

    async def readline(self) -> bytes:
        line: bytes = await asyncio.get_running_loop().run_in_executor(None, self._file.readline)
        return line


class TaskQueue:
    """The futures of those who wait for something to happen."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def awake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def client(base: Any) -> Any:
    """mqtt.client.Client for Python's event loop."""

    class Client(base):  # type: ignore[misc]
        __doc__ = base.__doc__
        _moved: asyncio.Future[None] | None = None  # the reader waits for it
        _watched: tuple[asyncio.AbstractEventLoop, int] | None = None  # and the file that moves it

        async def _wait(self) -> None:
            await self._sleepers.wait()

        def _awake(self) -> None:
            self._sleepers.awake()

        def hang_up(self) -> None:
            """End the connection; the reader must not wait on a closed stream."""
            self._look_again()
            base.__base__.hang_up(self)

        def stalled(self) -> None:
            """The stream is full: make the reader wait until it isn't, instead of for bytes."""
            self._look_again()

        def _look_again(self) -> None:
            if self._moved and not self._moved.done():
                self._moved.set_result(None)
            if self._watched:
                loop, number = self._watched
                loop.remove_reader(number)
                loop.remove_writer(number)
                self._watched = None

        async def _read(self) -> None:
            while True:
                wait = self._step()
                if self.stream is None or self.opening:
                    await sleep_ms(min(wait, _TICK_MS))
                    continue
                try:
                    await self._ready(self.stream, POLLOUT if self.left else POLLIN)
                except (OSError, ValueError) as error:  # a stream that can't be waited for
                    self.failed(error)

        async def _ready(self, stream: Any, flags: int) -> None:
            """Wait until the stream can do that, or has gone."""
            while self.stream is stream:
                ready, number, wait = interest(stream, flags)
                if ready:
                    await asyncio.sleep(0)
                    return
                if number < 0:
                    await sleep_ms(_AGAIN_MS)
                    continue
                loop = asyncio.get_running_loop()
                self._moved = loop.create_future()
                self._watched = loop, number
                if wait & POLLIN:
                    loop.add_reader(number, self._look_again)
                if wait & POLLOUT:
                    loop.add_writer(number, self._look_again)
                try:
                    await self._moved
                finally:
                    self._look_again()
                    self._moved = None
                return

    Client.__name__ = Client.__qualname__ = "Client"
    Client.__module__ = "mqtt.client"
    return Client
