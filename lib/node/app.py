"""The node: samples its sensors, publishes readings, says how it is, takes commands.

Three tasks: one samples by the clock, one follows what changes by itself (interrupts), one obeys
commands; the Wi-Fi and the MQTT client look after themselves. A reading is accepted when the
client's outbox has taken it; one that it refused is counted and seen in the diagnostics.

Topics below <base>/<node>: <sensor> readings, status online or offline, diagnostics,
cmd/<command> in and reply/<command> out.
"""

import asyncio
import gc
import json
import time
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

VERSION = "0.1.0"

_MOST_MS = const(1000)  # longest sleep of the sampling task: it also feeds the watchdog
_COMMANDS = const(4)  # commands that may wait; more are dropped and counted
_CLOCK_SET = const(1_704_067_200)  # 2024-01-01: an earlier time means that nobody set the clock
_EPOCH_2000 = const(946_684_800)


class Node:
    """The node that `config`, checked and complete, describes.

    about: a dict that goes out with the diagnostics: board, reset cause, crashes, faults
    connect: function of the node that returns its client, see node.links
    watchdog: machine.WDT or None; fed while the sampling task runs
    """

    def __init__(self, config, about, connect, watchdog=None):
        self.config = config
        self.about = about
        self.prefix = "%s/%s/" % (config["base"], config["node"])
        self.sensors = []  # [name, sensor, interval in ms or 0, time of the next sample]
        self.drops = 0  # commands dropped, readings that failed
        self.error = ""  # what last went wrong
        self.ended = None  # set to a reason to end run()
        self.uptime = 0  # s; ticks_ms alone wraps, after 12 days on most ports
        self._watchdog = watchdog
        self._count = 0
        self._commands = []
        self._command = asyncio.Event()
        self._edge = asyncio.ThreadSafeFlag()
        self.wifi = None
        self.client = connect(self)

    def add(self, entry, make):
        """Make the sensor of one config entry; one that cannot be made is reported, not fatal."""
        try:
            sensor = make(entry)
        except (ImportError, OSError, ValueError, TypeError) as error:
            self.failed(entry["name"], error)
            return
        if hasattr(sensor, "listen"):
            sensor.listen(self._edge.set)
        interval = int(entry.get("interval", 0) * 1000)
        self.sensors.append([entry["name"], sensor, interval, ticks_ms()])

    def failed(self, name, error):
        """Count and keep an error of a sensor."""
        self.drops += 1
        self.error = "%s: %s" % (name, error)
        print("Petrel:", self.error)

    async def run(self):
        """Run until a command ends it; returns the reason."""
        asyncio.get_event_loop().set_exception_handler(_crash)
        tasks = [self._follow(), self._obey()]
        if self.wifi:
            tasks.append(self.wifi.keep())
        tasks = [asyncio.create_task(task) for task in tasks]
        self.client.start()
        try:
            await self._sample()
        finally:
            for task in tasks:
                task.cancel()
        return self.ended

    # --- sampling

    async def _sample(self):
        """Read each sensor when its time has come; publish the diagnostics at theirs."""
        second = told = ticks_ms()
        while not self.ended:
            now = ticks_ms()
            while ticks_diff(now, second) >= 1000:
                second = ticks_add(second, 1000)
                self.uptime += 1
            if ticks_diff(now, told) >= self.config["diagnostics"] * 1000:
                told = now
                self.tell()
            if self._watchdog:
                self._watchdog.feed()
            wait = _MOST_MS
            for entry in self.sensors:
                if entry[2]:
                    left = ticks_diff(entry[3], now)
                    if left <= 0:
                        left = entry[2]
                        entry[3] = ticks_add(now, left)
                        await self._read(entry)
                    wait = min(wait, left)
            await asyncio.sleep_ms(wait)

    async def _follow(self):
        """After an interrupt, ask the sensors that listen until all have settled."""
        while True:
            await self._edge.wait()
            wait = 0
            while wait >= 0:
                wait = -1
                for entry in self.sensors:
                    if hasattr(entry[1], "listen"):
                        left = entry[1].poll(ticks_ms())
                        if entry[1].changed:
                            await self._read(entry)
                        if left >= 0 and (wait < 0 or left < wait):
                            wait = left
                if wait >= 0:
                    await asyncio.sleep_ms(wait)

    async def _read(self, entry):
        """Take one reading and publish it."""
        name, sensor = entry[:2]
        try:
            wait = sensor.start()
            if wait:
                await asyncio.sleep_ms(wait)
            values = sensor.read()
        except (OSError, ValueError) as error:
            self.failed(name, error)
            return
        for i, (field, unit) in enumerate(sensor.FIELDS):
            topic = name if len(values) == 1 else name + "/" + field
            self._count += 1
            message = {"value": values[i], "unit": unit, "seq": self._count}
            self.stamp(message)
            self.client.post(self.prefix + topic, json.dumps(message))

    def stamp(self, message):
        """Add the time, s since 1970, or the uptime where nobody has set the clock."""
        now = time.time()
        if time.gmtime(0)[0] == 2000:
            now += _EPOCH_2000
        if now >= _CLOCK_SET:
            message["time"] = now
        else:
            message["uptime"] = self.uptime

    def tell(self):
        """Publish the diagnostics, retained."""
        client = self.client
        message = dict(self.about)
        message["version"] = VERSION
        message["uptime"] = self.uptime
        message["free"] = gc.mem_free()
        message["waiting"] = client.outbox.count
        message["refused"] = client.outbox.refused
        message["drops"] = self.drops
        message["connects"] = client.connects
        if self.error:
            message["error"] = self.error
        if self.wifi:
            message["rssi"] = self.wifi.rssi()
        client.post(self.prefix + "diagnostics", json.dumps(message), True, 0)

    # --- what the client calls

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
        if retained or len(self._commands) == _COMMANDS:
            self.drops += 1
            return
        self._commands.append((topic[len(self.prefix) + 4 :], payload))
        self._command.set()

    async def _obey(self):
        while True:
            await self._command.wait()
            self._command.clear()
            from node.commands import obey

            while self._commands:
                name, payload = self._commands.pop(0)
                reply = obey(self, name, payload)
                self.client.post(self.prefix + "reply/" + name, json.dumps(reply))
                gc.collect()


def _crash(loop, context):
    """A task died of what nobody expected: let it end the program, which decides what then."""
    raise context["exception"]
