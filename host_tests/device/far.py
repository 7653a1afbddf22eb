"""A client's far end in the same process, and its clock, so that hours pass in a moment."""

import sys

import memory_broker

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
        import mqtt.engine.aside
        import mqtt.engine.backoff
        import mqtt.engine.connect
        import mqtt.engine.end
        import mqtt.engine.late
        import mqtt.engine.suspects  # noqa: F401

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


class Broker(memory_broker.Broker):
    """One that notes when packets come, and can end a connection; call it to dial.

    attempts: when each connection was begun; came: (ms, first byte, body) of each packet;
    unread: (first byte, body) of those that came when the connection had ended
    away: an error that dialling raises; stream: the last connection
    """

    def __init__(self, clock, present=0):
        super().__init__(present=present)
        self.clock = clock
        self.attempts = []
        self.came = []
        self.unread = []
        self.away = self.stream = None

    def __call__(self):
        self.attempts.append(self.clock.now)
        if self.away:
            raise self.away
        self.streams.clear()  # hours have many
        self.stream = super().__call__()
        return self.stream

    def answer(self, packet):
        first, body = packet[0], memory_broker.fields(packet)
        if self.stream.ended:
            self.unread.append((first, body))
            return b""
        self.came.append((self.clock.now, first, body))
        self._packet = packet
        answer = self.reply(first, body)
        if answer is None:
            self.stream.end()
        return answer or b""

    def reply(self, first, body):
        """Bytes to send back, or None to end the connection; a test overrides it."""
        return super().answer(self._packet)

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
        return [each for each in self.came if each[1] & 0xF0 == kind]

    def in_minute(self, minute, first=0):
        """How many attempts were begun in that minute, from 0, since attempt number `first`."""
        since = self.attempts[first]
        return [(each - since) // 60_000 for each in self.attempts].count(minute)


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
