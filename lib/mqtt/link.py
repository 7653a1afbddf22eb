"""A connection to the broker that is kept up, without ever waiting: a machine that is stepped.

step() does all that can be done now (dial, connect, send, receive, hold the deadlines, give up and
begin again after a pause) and says for how long nothing will be due. Who steps it may sleep
meanwhile in wait(), or do other work: mqtt.client lets asyncio wait, a node reads its sensors.

The pause before the next attempt depends on how the last ones ended. mqtt.simple's reconnect() and
mqtt.robust keep to the same rules; the times are those of backoff_ms=(1000, 15_000).

- One connection that ended, or the next after some work was done: less than 1 s.
- The broker is away (no answer, or the network does not reach it): anything up to a limit that
  doubles from 1 s to 15 s. A list of brokers is tried to its end without a pause.
- The far end takes the connection and ends it, again and again: two or three short pauses, then
  15 s, and from the sixth (the tenth, where no message was under way) half a minute to a minute.
  So at most six attempts begin in the first minute, and two in each after ten.
- The broker refuses us (CONNACK): 15 to 30 s, from the third time on 30 to 60 s.

An acknowledgement does not begin the count again. A connection that stood for 75 s does, and one
that got much done (two messages in a second, or more) takes something off.

What the connections end at is told to on_lost, and set aside where it ended three of them: see
engine.suspects.
"""

import gc
from time import ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.core import Core, Refused

gc.collect()  # what loading has left behind, so that what follows leaves no gaps

_READY_MS = const(250)  # time to the next look whether there is a network
_SOON_MS = const(10)  # time to the next try while the stream opens, or takes no more


class Link(Core):
    """A connection that is made again whenever it ends.

    broker: host name or address, or a dialler (see mqtt.transport), or a list of such, which are
    tried in turn; port: for host names; on_lost(error): when a connection failed or ended
    further arguments are the options of engine.core.Core
    failures: connections that did not come to stand, or that ended
    ready: a function, if set; while it returns False there is no network: nothing is dialled then,
    and when it is back the next connection begins at once
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
        """Do all that can be done now; returns the ms after which to call it again, or before."""
        now = ticks_ms()
        try:
            if self.stream is None:
                if self.ready and not self.ready():
                    self.since = now
                    return _READY_MS
                left = ticks_diff(self.since, now)
                if 0 < left <= 4 * self.backoff_ms[1]:  # else the ticks have wrapped meanwhile
                    return left
                self.open(self.dials[self.attempt % len(self.dials)])
            if self.opening:
                from mqtt.engine.connect import opened

                if not opened(self):
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
            return 0 if more else wait  # what came may be what the caller waits for
        except self.catches as error:  # TLS raises ValueError, a dialler anything
            if not isinstance(error, (OSError, ValueError, MemoryError, Refused)):
                self.caught(error)
            self.failed(error)
            return 0

    def failed(self, error):
        """The connection failed or ended: begin another after a pause."""
        self.error = error
        error = self.give_up(error)
        self.failures += 1
        if self.on_lost:
            self.tell(self.on_lost, error)
