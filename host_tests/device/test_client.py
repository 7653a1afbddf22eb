# heap: 128K
"""The asyncio client over a stream that takes little at a time, as a UART does."""

import asyncio
import io
from asyncio import core
from time import ticks_diff, ticks_ms

from mqtt.client import Client

CONNACK = b"\x20\x02\0\0"
SOON_MS = 10  # of mqtt.link: so long it waits for a stream to take more
POLL, READABLE, WRITABLE = 3, 1, 4


class Narrow(io.IOBase):
    """Takes 20 bytes every other time it is asked; accepts the connection, and says no more."""

    def __init__(self):
        self.sent = b""
        self.asked = 0
        self.answer = CONNACK

    def readinto(self, into, n):
        if self.sent and self.answer:
            into[: len(self.answer)] = self.answer
            self.answer = b""
            return len(CONNACK)

    def write(self, data, at, n):
        self.asked += 1
        if self.asked & 1:
            taken = min(20, n)
            self.sent += data[at : at + taken]
            return taken

    def close(self):
        pass

    def ioctl(self, request, flags):
        if request != POLL:
            return -1
        return flags & (WRITABLE | READABLE if self.answer else WRITABLE)


def test_a_publish_waits_no_longer_than_until_the_stream_has_taken_the_last():
    stream = Narrow()
    slept = []
    sleep_ms = asyncio.sleep_ms

    async def main():
        me = core.cur_task

        def sleep(ms):
            if core.cur_task is me:
                slept.append(ms)
            return sleep_ms(min(ms, SOON_MS))

        async with Client(lambda: stream, "id") as client:
            asyncio.sleep_ms = sleep
            for _ in range(5):
                await client.publish("t", b"x" * 60)

    try:
        asyncio.run(main())
    finally:
        asyncio.sleep_ms = sleep_ms
    assert stream.sent.count(b"x" * 60) == 5
    assert slept and max(slept) <= SOON_MS, slept


class Paced(Narrow):
    """Takes 1000 bytes every 5 ms, and acknowledges each PUBLISH of 3000 bytes of payload."""

    def __init__(self):
        super().__init__()
        self.last = ticks_ms()

    def ready(self):
        return ticks_diff(ticks_ms(), self.last) >= 5

    def write(self, data, at, n):
        if not self.ready():
            return None
        self.last = ticks_ms()
        n = min(n, 1000)
        self.sent += data[at : at + n]
        end = self.sent.find(b"x" * 3000)
        if end >= 0:
            self.answer = b"\x40\x02" + self.sent[end - 2 : end]
            self.sent = b"!"
        return n

    def ioctl(self, request, flags):
        return super().ioctl(request, flags if self.ready() else flags & READABLE)


def test_what_the_stream_did_not_take_leaves_as_soon_as_it_can():
    async def main():
        async with Client(Paced, "id") as client:
            for _ in range(3):
                await asyncio.sleep_ms(30)  # both tasks sleep by now
                began = ticks_ms()
                await client.publish("t", b"x" * 3000, qos=1)
                assert ticks_diff(ticks_ms(), began) < 500

    asyncio.run(main())
