# The asyncio client, told by lines of JSON on stdin what to do; answers on stdout, after "> ".
import asyncio
import json
import sys
from time import ticks_diff, ticks_ms

from mqtt.client import Client


class Agent:
    client = None

    def __init__(self):
        self.got = []
        self.lost = None

    async def open(self, port, client_id, clean, will, user, password, **options):
        self.client = Client(
            "127.0.0.1", client_id, port, on_message=self.keep, on_lost=self.on_lost, clean=clean,
            will=will, user=user, password=password, backoff_ms=(100, 1000), **options
        )  # fmt: skip
        return await self.reopen()

    async def reopen(self):
        client = self.client
        client.start()
        while not client.session.up:
            if self.lost:
                await client.stop()
                raise self.lost
            await asyncio.sleep_ms(1)
        return client.session.present

    def keep(self, topic, payload, retained, properties=None):
        told = properties or {}
        if "correlation_data" in told:
            told["correlation_data"] = told["correlation_data"].decode()
        self.got.append((topic, payload.decode(), retained, told))

    def on_lost(self, error):
        self.lost = error

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
        while not self.client.session.up or self.client.connects < 2:
            await asyncio.sleep_ms(1)
        return self.client.session.present

    async def skipped(self):
        return self.client.session.incoming.skipped

    async def connects(self):
        return self.client.connects

    async def server(self):
        return self.client.session.server

    async def aliases(self):
        return len(self.client.session.packet._aliases)

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
