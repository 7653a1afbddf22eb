# heap: 128K
"""The asyncio client over a stream that takes little at a time, as a UART does."""

import asyncio
import io
from asyncio import core

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
