"""A client's far end in the same process, and its clock, so that hours pass in a moment."""

import io
import sys

POLL, READABLE, WRITABLE = 3, 1, 4
CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 0x10, 0x30, 0x80, 0xC0


class Clock:
    """Stands in for time.ticks_ms and sleep_ms in the client's modules."""

    end = 1 << 60  # then sleep() raises an EOFError

    def __init__(self):
        self.now = 1000

    def __call__(self):
        return self.now

    def sleep(self, ms):
        self.now += max(0, ms)
        if self.now > self.end:
            raise EOFError

    def __enter__(self):
        import mqtt.aside
        import mqtt.backoff
        import mqtt.robust
        import mqtt.suspects  # noqa: F401

        self._saved = []
        for name, module in list(sys.modules.items()):
            if name.startswith("mqtt."):
                for known, stand_in in (("ticks_ms", self), ("sleep_ms", self.sleep)):
                    if hasattr(module, known):
                        self._saved.append((module, known, getattr(module, known)))
                        setattr(module, known, stand_in)
        return self

    def __exit__(self, *_):
        for each in self._saved:
            setattr(*each)


class Broker:
    """Accepts and acknowledges, as MQTT 3.1.1 demands; a test overrides answer().

    attempts: when each connection was begun; packets: (ms, first byte, body) of each that came;
    unread: (first byte, body) of those that came when the connection had ended
    away: an error that dialling raises
    """

    def __init__(self, clock, present=0):
        self.clock = clock
        self.present = present
        self.attempts = []
        self.packets = []
        self.unread = []
        self.away = None
        self.stream = None

    def __call__(self):
        self.attempts.append(self.clock.now)
        if self.away:
            raise self.away
        self.stream = Stream(self)
        return self.stream

    def answer(self, first, body):
        """Bytes to send back, or None to end the connection."""
        kind = first & 0xF0
        if kind == CONNECT:
            return bytes((0x20, 2, self.present, 0))
        if kind == PUBLISH and first & 6:
            return b"\x40\x02" + self.pid(body)
        if kind == SUBSCRIBE:
            return b"\x90\x03" + body[:2] + b"\x01"
        return b"\xd0\x00" if kind == PINGREQ else b""

    def topic(self, body):
        """Of a PUBLISH."""
        return str(body[2 : 2 + (body[0] << 8 | body[1])], "utf-8")

    def pid(self, body):
        """Of a PUBLISH above QoS 0."""
        at = 2 + (body[0] << 8 | body[1])
        return body[at : at + 2]

    def pauses(self):
        """The ms from each attempt to the next."""
        return [b - a for a, b in zip(self.attempts, self.attempts[1:])]

    def of_kind(self, kind):
        """The packets of a kind, each (ms, first byte, body)."""
        return [each for each in self.packets if each[1] & 0xF0 == kind]

    def in_minute(self, minute, first=0):
        """How many attempts were begun in that minute, from 0, since attempt number `first`."""
        since = self.attempts[first]
        return [(each - since) // 60_000 for each in self.attempts].count(minute)


class Stream(io.IOBase):
    """One connection to it."""

    def __init__(self, broker):
        self._broker = broker
        self._in = self._out = b""
        self.ended = False  # by the far end

    def write(self, data, at, n):
        self._in += bytes(data[at : at + n])
        while len(self._in) > 1:
            size, behind = self._in[1], 2
            if size > 127:
                size, behind = size & 127 | self._in[2] << 7, 3
            if len(self._in) < behind + size:
                break
            first, body = self._in[0], self._in[behind : behind + size]
            self._in = self._in[behind + size :]
            if self.ended:
                self._broker.unread.append((first, body))
            else:
                self._broker.packets.append((self._broker.clock.now, first, body))
                answer = self._broker.answer(first, body)
                if answer is None:
                    self.ended = True
                else:
                    self._out += answer
        return n

    def readinto(self, into, n):
        if not self._out:
            return 0 if self.ended else None
        n = min(n, len(self._out))
        into[:n] = self._out[:n]
        self._out = self._out[n:]
        return n

    def ioctl(self, request, flags):
        if request != POLL:
            return 0
        return flags & (WRITABLE | (READABLE if self.ready() else 0))

    def ready(self):
        """True if there is something to read, were it the end."""
        return bool(self._out) or self.ended

    def close(self):
        pass


def posts(every_ms, topic="good"):
    """For run(): posts a message so often."""
    last = [0]

    def post(link, clock):
        if clock.now - last[0] >= every_ms:
            last[0] = clock.now
            link.post(topic, "x")

    return post


def run(link, clock, ms, *each):
    """Step a link until so much time has passed; each(link, clock): called before each step."""
    end = clock.now + ms
    while clock.now < end:
        for post in each:
            post(link, clock)
        wait = link.step()
        clock.sleep(max(1, min(wait, 200, end - clock.now)))
