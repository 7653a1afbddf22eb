"""Keeps a connection to the broker, without ever waiting: a machine that the caller steps.

step() does everything that can be done now (dial, connect, send, receive, keep deadlines, give up
and start again after a pause) and returns how long nothing will be due. Meanwhile the caller can
sleep in wait(), or do other work: mqtt.client lets asyncio wait, a node reads its sensors.

The pause before the next attempt depends on how the last ones ended. mqtt.simple's reconnect() and
mqtt.robust follow the same rules; the times are those of backoff_ms=(1000, 15_000).

- One connection ended, or another after some work was done: less than 1 s.
- The broker is away (no answer, or the network can't reach it): anything up to a limit that
  doubles from 1 s to 15 s. A list of brokers is tried to its end without a pause.
- The other end accepts connections and ends them again and again: two or three short pauses, then
  15 s, and from the sixth (the tenth, if no message was on its way) half a minute to a minute.
  So at most six attempts begin in the first minute, and two per minute after ten.
- The broker refuses us (CONNACK): 15 to 30 s, from the third time on 30 to 60 s.

An acknowledgement doesn't reset the count. A connection that lasted 75 s does, and one that got
much done (two messages per second, or more) lowers it.

on_lost gets what ended a connection. A message that has ended three of them is set aside: see
engine.suspects.
"""

import gc
from time import ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.base import Refused
from mqtt.engine.core import Core

gc.collect()  # free what loading left behind, so that what follows leaves no gaps

_READY_MS = const(250)  # until the next look whether there is a network
_SOON_MS = const(10)  # until the next try, while the stream opens or is full


class Link(Core):
    """A connection that is made again whenever it ends.

    broker: a host name or address, or a dialler (see mqtt.transport), or a list of these, which
    are tried in turn; port: for host names; on_lost(error): called if a connection failed or ended
    more arguments are the options of engine.core.Core
    failures: how many connections failed or ended
    ready: a function, if set; while it returns False there is no network, and nothing is dialled;
    when it is back the next connection begins at once
    Whatever a dialler raises is a failure, and is tried again.
    """

    on_lost = ready = None
    failures = 0
    error: BaseException | None = None  # why the last connection failed or ended

    def __init__(self, broker, client_id, port=1883, *, queue=32, buffer=512, **options):
        self.dials = []
        for each in broker if broker and isinstance(broker, list) else (broker,):
            if not callable(each):
                from mqtt.transport import tcp

                each = tcp(each, port)
            self.dials.append(each)
        super().__init__(client_id, queue, buffer, options)

    def step(self):
        """Do all that can be done now; return the ms within which to call it again."""
        now = ticks_ms()
        try:
            if self.stream is None:
                if self.ready and not self.ready():
                    self.since = now
                    return _READY_MS
                left = ticks_diff(self.since, now)
                if 0 < left <= 4 * self.backoff_ms[1]:  # otherwise the ticks have wrapped
                    return left
                self.open(self.dials[self.attempt % len(self.dials)])
                now = self.stuck
            if self.opening:
                from mqtt.engine.connect import opened

                if not opened(self, now):
                    return _SOON_MS
            if self.again is not None:
                from mqtt.engine.suspects import retry

                retry(self)
            more = self.receive()
            wait = _SOON_MS
            if not self.left:
                wait = self.tick(ticks_ms(), more)
            self.send()
            if self.left:
                return _SOON_MS
            return 0 if more else wait  # the caller may be waiting for what came
        except self.catches as error:  # TLS raises ValueError, a dialler anything
            if not isinstance(error, (OSError, ValueError, MemoryError, Refused)):
                self.caught(error)
            self.failed(error)
            return 0

    def failed(self, error):
        """Handle a failed or ended connection: begin another after a pause."""
        self.error = error
        error = self.give_up(error)
        self.failures += 1
        if self.on_lost:
            self.tell(self.on_lost, error)
