"""However a node ends, those who watch it learn that it is gone."""

from node.app import Node
from node.health.ending import goodbye


class Broken(Exception):
    """A fault that nobody has thought of."""


class Client:
    """As much of a link as a node sees; what it is asked is written down."""

    connects = failures = count = refused = skipped = removed = 0
    limit = 8
    will = ("petrel/n/status", b"offline", 1, True)

    def __init__(self, fails=Broken, up=True, busy=0, sent=0):
        self.outbox = self
        self.fails = fails
        self.up = up
        self.busy = busy  # so often the stream has no room
        self.sent = sent  # messages in flight; each step brings an answer
        self.said = []

    def step(self):
        if self.fails:
            fails, self.fails = self.fails, None
            raise fails("in the middle of things")
        if self.sent:
            self.sent -= 1
            self.said.append("answered")
        return 0

    def wait(self, ms):
        pass

    def post(self, topic, payload, retain=False, qos=1):
        if self.busy:
            self.busy -= 1
            return None
        self.said.append((topic, payload, retain))
        return -1

    def close(self):
        self.said.append("DISCONNECT")

    def hang_up(self):
        self.said.append("closed")


def ended(**options):
    """What a node said at its end."""
    node = Node("petrel/n/", 300, {}, False)
    node.client = client = Client(**options)
    node.uptime = 1  # no diagnostics now
    try:
        node.run()
    except BaseException as error:
        assert "in the middle" in str(error)
    else:
        raise AssertionError("it goes on")
    goodbye(node)
    return client.said


OFFLINE = ("petrel/n/status", b"offline", True)


def test_after_a_crash_it_is_offline():
    for kind in (Broken, RuntimeError, KeyboardInterrupt, MemoryError):
        assert ended(fails=kind) == [OFFLINE, "DISCONNECT", "closed"]


def test_it_waits_for_room_to_say_so():
    assert ended(busy=3) == [OFFLINE, "DISCONNECT", "closed"]


def test_what_is_in_flight_is_answered_first():
    """An answer on a closed connection resets it, and the broker may lose the goodbye."""
    assert ended(sent=3) == ["answered"] * 3 + [OFFLINE, "DISCONNECT", "closed"]


def test_it_does_not_wait_for_ever_for_answers():
    assert ended(sent=1000)[-4:] == ["answered", OFFLINE, "DISCONNECT", "closed"]


def test_where_it_cannot_be_said_the_broker_says_it():
    """Without a DISCONNECT, that is: then the last will goes out."""
    assert ended(busy=1000) == ["closed"]
    assert ended(up=False) == ["closed"]
