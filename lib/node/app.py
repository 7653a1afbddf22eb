"""The node at work: samples its sensors, publishes readings, takes commands.

Two tasks: one samples by the clock and looks after the Wi-Fi, one follows what changes by itself
(interrupts). The MQTT client has its own; in it a command is obeyed as it arrives. A reading is
accepted when the client's outbox has taken it; one that it refused is counted, and seen in the
diagnostics.

Topics below <base>/<node>: <sensor> readings, status online or offline, diagnostics,
cmd/<command> in and reply/<command> out.
"""

import asyncio
import json
import time
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_MOST_MS = const(1000)  # longest sleep of the sampling task: it also feeds the watchdog
_HEALTHY_S = const(60)  # a node that ran so long did not crash at its start
_SAFE_S = const(600)  # so long it stays in safe mode before it tries again
_CLOCK_SET = const(1_704_067_200)  # 2024-01-01: an earlier time means that nobody set the clock


class Node:
    """A node; node.start makes it and gives it its parts.

    prefix: <base>/<node>/; diagnostics: s between two such messages; safe: in safe mode
    about: goes out with the diagnostics: board, reset cause, mode, crashes, faults
    """

    wlan: "Any" = None  # the station interface, where there is Wi-Fi to look after
    tcp: "Any" = None
    client: "Any" = None

    def __init__(self, prefix, diagnostics, about, safe):
        self.prefix = prefix
        self.about = about
        self._diagnostics = diagnostics
        self._safe = safe
        self.sensors = []  # [name, sensor, interval in ms or 0, ticks_ms of the next sample, topic]
        self.drops = 0  # readings and connections that failed, commands that were retained
        self.error = ""  # the last thing that went wrong
        self.ended = None  # set to a reason to end run()
        self.uptime = (
            -1
        )  # s, counted by _sample; ticks_ms alone wraps, after 12 days on most ports
        self.edge = asyncio.ThreadSafeFlag()
        self.feed = int  # the watchdog's, or nothing
        self._count = 0
        self._epoch = 946_684_800 if time.gmtime(0)[0] == 2000 else 0

    async def run(self):
        """Run until something ends it; returns the reason."""
        asyncio.get_event_loop().set_exception_handler(_crash)
        asyncio.create_task(self._follow())
        self.client.start()
        await self._sample()
        for _ in range(20):  # let the reply to the last command leave
            if self.client.outbox.count:
                await asyncio.sleep_ms(100)
        await self.client.close()
        return self.ended

    async def _sample(self):
        """Read each sensor when its time has come; do what is to be done by the second."""
        second = ticks_add(ticks_ms(), -1000)
        while not self.ended:
            now = ticks_ms()
            while ticks_diff(now, second) >= 1000:
                second = ticks_add(second, 1000)
                self.uptime += 1
                self._each_second()
            self.feed()
            wait = _MOST_MS
            for entry in self.sensors:
                if entry[2]:
                    left = 0 if entry[3] is None else ticks_diff(entry[3], now)
                    if left <= 0:
                        left = entry[2]
                        entry[3] = ticks_add(now, left)
                        await self._read(entry)
                    wait = min(wait, left)
            await asyncio.sleep_ms(wait)

    def _each_second(self):
        if self.wlan and not self.wlan.isconnected():
            call("wifi", "step", self)
        if self.uptime % self._diagnostics == 0:
            self.tell()
        if self._safe:
            if self.uptime == _SAFE_S:
                self.ended = "safe mode is over"
        elif self.uptime == _HEALTHY_S:
            call("retained", "store", 0)

    async def _follow(self):
        """After an interrupt, ask the sensors that listen until all have settled."""
        while True:
            await self.edge.wait()
            wait = 0
            while wait >= 0:
                await asyncio.sleep_ms(wait)
                wait = -1
                for entry in self.sensors:
                    if hasattr(entry[1], "listen"):
                        left = entry[1].poll(ticks_ms())
                        if entry[1].changed:
                            await self._read(entry)
                        if left >= 0:
                            wait = left if wait < 0 else min(left, wait)

    async def _read(self, entry):
        """Take one reading and publish it."""
        sensor = entry[1]
        try:
            await asyncio.sleep_ms(sensor.start())
            values = sensor.read()
        except (OSError, ValueError) as error:
            self.failed(entry[0], error)
            return
        try:
            self._publish(entry, sensor.FIELDS, values)
        except MemoryError as error:  # too much waits for the broker: this one was not accepted
            self.failed(entry[0], error)

    def _publish(self, entry, fields, values):
        now = int(time.time()) + self._epoch
        for i, (field, unit) in enumerate(fields):
            self._count += 1
            message = {"value": values[i], "unit": unit, "seq": self._count}
            if now < _CLOCK_SET:
                message["uptime"] = self.uptime
            else:
                message["time"] = now
            topic = entry[4] if len(values) == 1 else entry[4] + "/" + field
            self.client.post(topic, json.dumps(message))

    def failed(self, name, error):
        """Count and keep an error of a sensor."""
        self.drops += 1
        self.error = "%s: %s" % (name, error)
        print("Petrel:", self.error)

    def tell(self):
        """Publish the diagnostics."""
        call("telemetry", "tell", self)

    # --- what the client asks for and tells

    def dial(self):
        """Begin a connection to the broker."""
        if self.wlan and not self.wlan.isconnected():
            raise OSError("no Wi-Fi")
        return self.tcp()

    def on_connect(self):
        """Birth, then how the node is."""
        print("Petrel: connected")
        self.client.post(self.prefix + "status", "online", True, 0)
        self.tell()

    def on_lost(self, error):
        """A connection failed or ended."""
        print("Petrel: not connected:", error)

    def on_message(self, topic, payload, retained):
        """A command. One that was retained is old, and might end the node at every boot."""
        if retained:
            self.drops += 1
            return
        name = topic[len(self.prefix) + 4 :]
        reply = call("commands", "obey", self, name, payload)
        self.client.post(self.prefix + "reply/" + name, json.dumps(reply))


def _crash(loop, context):
    """A task died of what nobody expected: let it end the program, which decides what then."""
    raise context["exception"]
