"""Button, rotary encoder and pulse counter, on pins and a clock in the test's hand."""

import os
from time import ticks_add

from sensors import button, digital, pulse, rotary


class Clock:
    now = 1000

    def __call__(self):
        return self.now


class Pin:
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, level=0):
        self.level = level
        self.handler = None

    def value(self):
        return self.level

    def irq(self, handler, trigger):
        self.handler = handler
        self.trigger = trigger

    def to(self, level):
        if level != self.level:
            self.level = level
            if self.trigger & (self.IRQ_RISING if level else self.IRQ_FALLING):
                self.handler(self)


def pressed(levels, **options):
    """What a button tells of [(ms, level), ...], looked at every 5 ms for two seconds."""
    clock = Clock()
    digital.ticks_ms = clock
    pin = Pin()
    sensor = button.Button(pin, **options)
    sensor.listen()
    found = []
    levels = list(levels)
    for now in range(0, 2500, 5):
        clock.now = ticks_add(0, now - 1000)  # it wraps on the way
        while levels and levels[0][0] <= now:
            pin.to(levels.pop(0)[1])
        sensor.poll(clock.now)
        if sensor.changed:
            found.append((sensor.read()[0], now))
    return found


def bounce(ms, level):
    other = 1 - level
    return [(ms, level), (ms + 2, other), (ms + 4, level), (ms + 9, other), (ms + 10, level)]


def test_one_click():
    ((what, when),) = pressed(bounce(100, 1) + bounce(200, 0))
    assert what == "click" and 500 <= when <= 600


def test_two_clicks():
    ((what, when),) = pressed(bounce(100, 1) + bounce(180, 0) + bounce(300, 1) + bounce(380, 0))
    assert what == "double" and when <= 450


def test_two_slow_clicks_are_two():
    found = pressed(bounce(100, 1) + bounce(180, 0) + bounce(900, 1) + bounce(980, 0))
    assert [what for what, _ in found] == ["click", "click"]


def test_a_long_press_is_told_while_it_is_held():
    found = pressed(bounce(100, 1) + bounce(1500, 0))
    assert len(found) == 1
    assert found[0][0] == "long" and 900 <= found[0][1] <= 960


def test_a_click_is_told_at_once_where_no_second_is_awaited():
    ((what, when),) = pressed(bounce(100, 1) + bounce(200, 0), double_ms=0)
    assert what == "click" and when <= 250


def test_a_glitch_is_nothing():
    assert pressed([(100, 1), (104, 0)]) == []


def turned(states, **options):
    a, b = Pin(), Pin()
    sensor = rotary.Rotary(a, b, **options)
    sensor.listen()
    for state in states:
        a.to(state >> 1)
        b.to(state & 1)
    sensor.poll(0)
    return sensor


FORWARD = (2, 3, 1, 0)


def test_an_encoder_counts_clicks_both_ways():
    assert turned(FORWARD * 5).read() == (5,)
    assert turned(tuple(reversed(FORWARD[:3])) + (0,)).read() == (-1,)
    assert turned(FORWARD * 3, invert=True).read() == (-3,)
    assert turned(FORWARD * 3, steps=2).read() == (6,)
    assert turned(FORWARD * 3, steps=1).read() == (12,)


def test_an_encoder_that_bounces_loses_nothing():
    bouncing = (2, 0, 2, 3, 2, 3, 1, 3, 1, 0, 1, 0)
    sensor = turned(bouncing * 4)
    assert sensor.changed and sensor.read() == (4,)
    sensor.poll(0)
    assert not sensor.changed


def counted(pin, edges):
    for _ in range(edges):
        pin.to(1)
        pin.to(0)


def at(clock, **options):
    pulse.ticks_ms = clock
    pin = Pin()
    return pin, pulse.Pulse(pin, **options)


def test_pulses_are_a_rate_and_a_total():
    clock = Clock()
    pin, sensor = at(clock, per_unit=450.0, unit="l")
    assert sensor.FIELDS == (("rate", "l/min"), ("total", "l"))
    clock.now = 31_000
    counted(pin, 900)
    assert sensor.read() == (4.0, 2.0)
    clock.now = 61_000
    assert sensor.read() == (0.0, 2.0)


def test_edges_that_bounce_count_once():
    clock = Clock()
    pin, sensor = at(clock, debounce_ms=20)
    for _ in range(10):
        clock.now += 100
        counted(pin, 3)
        clock.now += 5
        counted(pin, 1)
    assert sensor.read()[1] == 10


def forget():
    for name in ("rain.count0", "rain.count1"):
        try:
            os.remove(name)
        except OSError:
            pass


def test_the_total_survives_a_reset_and_a_torn_write():
    os.chdir("/tmp")
    forget()
    try:
        clock = Clock()
        for start in (0, 7, 14):
            pin, sensor = at(clock, keep="rain", save=10)
            assert sensor.read()[1] == start
            counted(pin, 7)
            sensor.close()
        pin, sensor = at(clock, keep="rain")
        counted(pin, 1)
        sensor.close()
        with open(sensor._held, "w") as file:  # the power went while this one was written
            file.write("22")
        assert at(clock, keep="rain")[1].read()[1] == 21
    finally:
        forget()


def test_the_total_is_written_every_so_many_minutes():
    os.chdir("/tmp")
    forget()
    try:
        clock = Clock()
        pin, sensor = at(clock, keep="rain", save=10)
        counted(pin, 5)
        clock.now += 599_000
        sensor.read()
        assert at(clock, keep="rain")[1].read()[1] == 0
        clock.now += 2_000
        sensor.read()
        assert at(clock, keep="rain")[1].read()[1] == 5
    finally:
        forget()
