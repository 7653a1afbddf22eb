# The asyncio client, told by lines of JSON on stdin what to do; answers on stdout, after "> ".
import asyncio
import gc
import json
import sys
from time import ticks_diff, ticks_ms

from mqtt.client import Client

LIMITS = ("answer_ms", "connect_ms")


def filled(leave):
    gc.collect()
    ballast = []
    size = 1 << 20
    while size >= 1024:
        try:
            while gc.mem_free() > leave + size:
                ballast.append(bytearray(size))
        except MemoryError:
            pass  # there is so much, but not in one piece
        size //= 4
    return ballast


class Agent:
    client = None

    def __init__(self):
        self.got = []
        self.lost_with = None

    async def open(self, port, client_id, clean, will, user, password, wait=True, **options):
        limits = [(name, options.pop(name)) for name in LIMITS if name in options]
        options.setdefault("backoff_ms", (100, 1000))
        self.client = Client(
            "127.0.0.1", client_id, port, on_message=self.keep, on_lost=self.on_lost, clean=clean,
            will=will, user=user, password=password, **options
        )  # fmt: skip
        for name, value in limits:
            setattr(self.client, name, value)
        return await self.reopen() if wait else self.client.start()

    async def reopen(self):
        client = self.client
        client.start()
        while not client.up:
            if self.lost_with:
                await client.stop()
                raise self.lost_with
            await asyncio.sleep_ms(1)
        return client.present

    def keep(self, topic, payload, retained, properties=None):
        told = properties or {}
        if "correlation_data" in told:
            told["correlation_data"] = told["correlation_data"].decode()
        self.got.append((topic, payload.decode(), retained, told))

    def on_lost(self, error):
        self.lost_with = error

    async def publish(self, **message):
        await self.client.publish(**message)

    async def subscribe(self, topic, qos):
        await self.client.subscribe(topic, qos)

    async def unsubscribe(self, topic):
        await self.client.unsubscribe(topic)

    async def receive(self, count, timeout_ms):
        until = ticks_ms() + timeout_ms
        while len(self.got) < count and ticks_diff(until, ticks_ms()) > 0:
            await asyncio.sleep_ms(1)
        got, self.got = self.got, []
        return got

    async def reconnect(self):
        while not self.client.up or self.client.connects < 2:
            await asyncio.sleep_ms(1)
        return self.client.present

    async def skipped(self):
        return self.client.skipped

    async def connects(self):
        return self.client.connects

    async def begin(self, **message):
        if self.client.post(**message) is None:
            raise OSError("not taken")

    async def connected(self, count):
        while self.client.connects < count:
            await asyncio.sleep_ms(1)
        self.lost_with = None

    async def lost(self):
        while not self.lost_with:
            await asyncio.sleep_ms(1)
        error, self.lost_with = self.lost_with, None
        return str(error)

    async def handler(self, name):
        def publishes(topic, payload, *_):
            assert self.client.post("t", payload) is not None

        def raises(*_):
            raise ValueError("of the handler")

        self.client.on_message = {"none": None, "raises": raises, "publishes": publishes}[name]

    async def begin_subscribe(self, topic):
        asyncio.create_task(self.client.subscribe(topic, 1))
        await asyncio.sleep_ms(0)

    async def until_waiting(self, count):
        while self.client.outbox.count > count:
            await self.client.progress()

    async def fill(self, leave):
        self.ballast = filled(leave)

    async def free(self):
        self.ballast = None

    async def waiting(self):
        return self.client.outbox.count

    async def count(self, name):
        return getattr(self.client, name)

    async def server(self):
        return self.client.server

    async def aliases(self):
        return len(self.client.v5._aliases)

    async def close(self):
        await self.client.stop()


async def main():
    agent = Agent()
    commands = asyncio.StreamReader(sys.stdin.buffer)
    while True:
        line = await commands.readline()
        if not line:
            break
        call = json.loads(line)
        try:
            answer = {"ok": await getattr(agent, call.pop("do"))(**call)}
        except Exception as error:
            sys.print_exception(error)
            answer = {"error": type(error).__name__, "text": str(error)}
            answer["code"] = getattr(error, "code", None)
        print("> " + json.dumps(answer))


asyncio.run(main())
