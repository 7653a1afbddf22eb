# heap: 256K
"""How a link begins again: pauses that grow, with jitter, and a list of brokers in turn."""

from mqtt.engine.base import Refused
from mqtt.link import Link

FIRST, LONGEST = 128, 1600


class Dials:
    """A dialler that fails, and counts."""

    def __init__(self, error=OSError):
        self.count = 0
        self.error = error

    def __call__(self):
        self.count += 1
        raise self.error("no")


def pauses(link, dials, count, bits):
    """The pauses after `count` failed attempts, where random bits are what `bits` says."""
    found = []
    while len(found) < count:
        before = sum(each.count for each in dials)
        link.random = lambda _: bits
        wait = link.step()
        if sum(each.count for each in dials) > before:
            found.append(max(0, link.step()))
        else:
            link.wait(max(0, wait))
    return found


def test_pauses_double_up_to_a_limit_and_are_drawn_below_it():
    limits = [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, LONGEST, LONGEST, LONGEST]
    for fraction in (0, 3, 5):
        dial = Dials()
        link = Link(dial, "id", backoff_ms=(FIRST, LONGEST))
        found = pauses(link, [dial], len(limits), fraction)
        for pause, limit in zip(found, limits):
            assert pause <= fraction % limit, (found, fraction)
    dial = Dials()
    link = Link(dial, "id", backoff_ms=(FIRST, LONGEST))
    for limit in limits[:5]:
        (pause,) = pauses(link, [dial], 1, limit - 1)
        assert limit // 2 <= pause < limit, (pause, limit)  # some of it has passed


def test_a_list_of_brokers_is_tried_without_a_pause_between():
    dials = [Dials(), Dials(), Dials()]
    link = Link(dials, "id", backoff_ms=(1000, 1000))
    link.random = lambda _: 999
    for _ in dials:
        assert link.step() <= 0
    assert sorted(each.count for each in dials) == [1, 1, 1]
    assert link.step() > 900


def test_without_a_network_nothing_is_dialled_and_no_pause_grows():
    dial = Dials()
    link = Link(dial, "id", backoff_ms=(1000, 60_000))
    link.random = lambda _: 999
    link.ready = lambda: False
    for _ in range(50):
        assert 0 < link.step() <= 250
    assert (dial.count, link.failures) == (0, 0)
    link.ready = lambda: True
    link.step()
    assert dial.count == 1
    assert link.step() > 0  # now there is a pause, ...
    link.ready = lambda: False
    link.step()
    link.ready = lambda: True  # ... and the network has come back within it
    link.step()
    assert dial.count == 2


def test_a_refusal_waits_longer_and_is_told():
    told = []
    dial = Dials(Refused)
    link = Link(dial, "id", backoff_ms=(10, 500), on_lost=told.append)
    link.random = lambda _: 0
    link.step()
    assert link.step() > 400
    assert isinstance(told[0], Refused) and link.failures == 1


def test_a_list_of_brokers_does_not_spare_the_pause_after_a_good_connection():
    dials = [Dials(), Dials()]
    link = Link(dials, "id", backoff_ms=(1000, 15_000))
    link.random = lambda _: 999
    for _ in range(3):  # a broker that acknowledges and hangs up, or all clients of one at once
        link.outbox.removed += 1
        link.failed(OSError("cut"))
        assert link.step() > 900
        link.since -= 2000
        link.step()  # the next dial, which fails, and so there is no pause before the other


def test_a_broker_that_is_not_available_just_now_is_tried_as_soon_as_one_that_is_away():
    for code, longer in ((3, False), (0x88, False), (0x89, False), (1, True), (5, True)):
        error = Refused("no")
        error.code = code
        link = Link(Dials(), "id", backoff_ms=(10, 500))
        link.random = lambda _: 0
        link.failed(error)
        assert (link.step() > 400) is longer, code


def test_a_heap_that_runs_out_while_a_message_is_sent_ends_the_connection():
    # Otherwise the next message would leave before this one.
    link = Link(Dials(), "id")
    link.up = True

    def send(_):
        link.sent += 1
        raise MemoryError

    link.send = send
    assert link.post("t", b"1") == 0
    assert (link.outbox.count, link.up, link.failures) == (1, False, 1)


def test_a_dialler_s_bug_is_counted_told_and_tried_again():
    told = []
    dial = Dials(TypeError)
    link = Link(dial, "id", backoff_ms=(1, 2), on_lost=told.append)
    while len(told) < 3:
        link.wait(link.step())
    assert [type(error) for error in told] == [TypeError] * 3
    assert link.failures == link.handler_errors == 3
