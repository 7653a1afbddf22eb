# When to come back, where there is no room for mqtt.engine.backoff.
# heap: 64K
from time import ticks_add, ticks_diff, ticks_ms

from mqtt.engine import end
from mqtt.engine.end import ended


class FullHeap:
    """Stands for gc."""

    def mem_free(self):
        return 4000


end.gc = FullHeap()


class Client:
    """As much of a connection as is looked at; the longest pause of each draw is taken."""

    backoff_ms = (1000, 15_000)
    past = -1  # it has ended before
    v5 = None

    def __init__(self, up):
        self.up = up
        self.attempt = 0
        self.since = ticks_ms()

    def random(self, bits):
        return self.drawn

    def pauses(self, count):
        found = []
        for _ in range(count):
            for limit in (2000, 4000, 8000, 15_000, 16_000, 32_000, 60_000):
                self.drawn = limit - 1
                attempt = self.attempt
                self.since = ticks_ms()
                ended(self, OSError(5), ticks_ms())
                if ticks_diff(self.since, ticks_ms()) > limit - 1000:
                    most = limit
                self.attempt = attempt
            self.attempt += 1
            found.append(most)
        return found


def test_a_broker_that_is_away_is_tried_every_15_s_at_least():
    assert Client(False).pauses(6) == [2000, 4000, 8000, 15_000, 15_000, 15_000]


def test_whoever_is_thrown_out_comes_back_once_a_minute():
    assert Client(True).pauses(7) == [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]


def test_a_connection_that_lasted_begins_the_count_anew():
    client = Client(True)
    client.attempt = 6
    client.drawn = 1999
    client.since = ticks_add(ticks_ms(), -76_000)
    error = OSError(5)
    assert ended(client, error, ticks_ms()) is error
    assert client.attempt == 1 and 1900 < ticks_diff(client.since, ticks_ms()) < 2000
