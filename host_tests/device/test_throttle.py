"""How much may be published in a second."""

from time import ticks_add, ticks_ms

from wire import raises

from mqtt.throttle import Throttle


def test_messages_a_second():
    throttle = Throttle(messages=10)
    now = ticks_ms()
    assert [throttle.take(1, now) for _ in range(4)] == [0, 100, 200, 300]


def test_bytes_a_second():
    throttle = Throttle(size=1000)
    now = ticks_ms()
    assert [throttle.take(50, now) for _ in range(3)] == [0, 50, 100]


def test_the_stricter_of_both_counts():
    throttle = Throttle(messages=10, size=1000)
    now = ticks_ms()
    assert [throttle.take(size, now) for size in (500, 1, 1)] == [0, 500, 600]


def test_a_rate_that_does_not_divide_a_second_is_not_exceeded():
    throttle = Throttle(messages=300)
    now = ticks_ms()
    last = [throttle.take(1, now) for _ in range(301)][-1]
    assert last >= 1000, last


def test_what_was_not_used_is_not_saved_up():
    throttle = Throttle(messages=10)
    now = ticks_ms()
    throttle.take(1, now)
    later = ticks_add(now, 60_000)
    assert [throttle.take(1, later) for _ in range(2)] == [0, 100]


def test_no_limit():
    throttle = Throttle()
    now = ticks_ms()
    assert [throttle.take(10_000, now) for _ in range(3)] == [0, 0, 0]


def test_a_negative_rate_is_refused():
    for wrong in (-1, 0.5, "1", None):
        for both in ((wrong, 0), (0, wrong)):
            assert repr(wrong) in str(raises(ValueError, Throttle, *both))
