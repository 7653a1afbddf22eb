"""A connection to the broker that is kept up, without ever waiting: a machine that is stepped.

step() does all that can be done now (dial, connect, send, receive, hold the deadlines, give up and
begin anew after a pause) and says for how long nothing will be due. Who steps it may sleep
meanwhile in wait(), or do other work: mqtt.client lets asyncio wait, a node reads its sensors.
"""

import random
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.connection import Connection
from mqtt.packet import Refused
from mqtt.transport import tcp

_READY_MS = const(250)  # time to the next look whether there is a network
_SOON_MS = const(10)  # time to the next try while the stream opens, or takes no more


class Link(Connection):
    """A connection that is made anew whenever it ends.

    broker: host name or address, or a dialler (see mqtt.transport), or a list of such, which are
    tried in turn; port: for host names; on_lost(error): when a connection failed or ended
    backoff_ms: (first, longest) pause; further arguments are those of mqtt.connection.Connection
    failures: connections that did not come to stand, or that ended
    ready: a function, if set; while it returns False there is no network: nothing is dialled then,
    and when it is back the next connection begins at once
    Whatever a dialler raises is a failure, and is tried again.
    """

    def __init__(
        self, broker, client_id, port=1883, *, on_lost=None, backoff_ms=(1000, 15_000),
        random=random.getrandbits, **options,
    ):  # fmt: skip
        super().__init__(client_id, **options)
        self._dials = []
        for each in broker if isinstance(broker, list) else (broker,):
            self._dials.append(tcp(each, port) if isinstance(each, str) else each)
        self.on_lost = on_lost
        self.backoff_ms = backoff_ms
        self.random = random
        self.ready = None
        self.failures = self._attempt = 0
        self._removed = self.outbox.removed  # messages acknowledged before this connection
        self._since = ticks_ms()  # when the next connection may begin, or this one has begun

    def step(self):
        """Do all that can be done now; returns the ms after which to call it again, or before."""
        now = ticks_ms()
        try:
            if self.stream is None:
                if self.ready and not self.ready():
                    self._since = now
                    return _READY_MS
                left = ticks_diff(self._since, now)
                if left > 0:
                    return left
                self._since = now
                self._removed = self.outbox.removed
                self.open(self._dials[self._attempt % len(self._dials)])
            if self.opening and not self.opened():
                return _SOON_MS
            more = self.receive()
            wait = self.session.tick(ticks_ms())
            self.send()
            if self._data is not None:
                return _SOON_MS
            return 0 if more else wait  # what came may be what the caller waits for
        except self.catches as error:  # TLS raises ValueError, a dialler anything
            if not isinstance(error, (OSError, ValueError, MemoryError, Refused)):
                self.caught(error)
            self.failed(error)
            return 0

    def failed(self, error):
        """The connection failed or ended: begin another after a pause."""
        now = ticks_ms()
        first, longest = self.backoff_ms
        # That all is well is shown by an acknowledgement, or by time; not by a CONNACK alone.
        lasted = self.session.up and ticks_diff(now, self._since) > longest
        good = lasted or self.outbox.removed != self._removed
        if good:
            self._attempt = 0
        self._attempt += 1
        # There is a pause when a good connection has ended, and when every broker of the list was
        # tried, with full jitter: anything up to a limit that doubles. A refusal will not mend
        # soon, but for one because the broker is not available just now.
        rounds, others = divmod(self._attempt, len(self._dials))
        pause = 0
        if good or not others:
            pause = self.random(24) % min(longest, first << min(max(rounds - 1, 0), 10))
        if not others and isinstance(error, Refused) and error.code not in (3, 0x88, 0x89):
            pause += longest
        self.hang_up()
        self._since = ticks_add(now, pause)
        self.failures += 1
        if self.on_lost:
            self.tell(self.on_lost, error)
