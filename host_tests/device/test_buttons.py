"""Button, rotary encoder and pulse counter, on pins and a clock in the test's hand."""

import gc
import json
import os
import random
import struct
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


def test_a_counter_that_was_not_read_for_days_has_the_right_rate_and_is_written():
    days = 7 * 86_400_000
    period = ticks_add(0, -1) + 1
    name = "/tmp/days%x" % period
    for rest in (days, period * 3 // 4):
        clock = Clock()
        pin, sensor = at(clock, keep=name)
        counted(pin, 6)
        clock.now = (clock.now + rest) % period
        try:
            rate, total = sensor.read()
            assert abs(rate * rest / 60_000 - 6) < 0.01 and total == 6
            assert at(Clock(), keep=name)[1].read()[1] == 6
        finally:
            os.remove(name + ".count0")


def test_a_time_to_save_that_the_ticks_cannot_count_is_refused():
    for save in (0, -1, 1441, 1e6):
        try:
            at(Clock(), save=save)
        except ValueError as error:
            assert "save" in str(error) and repr(save) in str(error) and "1440" in str(error)
        else:
            raise AssertionError(save)


def test_pulses_are_a_rate_and_a_total():
    clock = Clock()
    pin, sensor = at(clock, per_unit=450.0, unit="l")
    assert sensor.FIELDS == (("rate", "l/min", 5), ("total", "l"))
    clock.now = 31_000
    counted(pin, 900)
    assert json.dumps(sensor.read()) == "[4.0, 2.0000]"
    clock.now = 61_000
    assert json.dumps(sensor.read()) == "[0.0, 2.0000]"


def test_the_total_is_right_to_the_last_pulse():
    """Whatever the board's float can hold: of 32 bit it has seven digits."""
    for per_unit, count, wanted in (
        (1.0, 16_777_217, "16777217"),
        (1, 1 << 40, "1099511627776"),
        (450.0, 45_000_001, "100000.0022"),
        (1000.0, 1_234_567_891, "1234567.8910"),
        (3.579, 7, "1.96"),
        (0.5, 16_777_217, "33554434.0"),
        (0.3, 1, "3.3"),
        (1e-6, 3, "3000000"),
        (1e9, 1, "0.0000000010"),
    ):
        _, sensor = at(Clock(), per_unit=per_unit)
        sensor._count = count
        total = sensor.read()[1]
        assert json.dumps(total) == wanted, (per_unit, count, total)
        assert abs(float(total) * per_unit / count - 1) < 0.06


def test_the_total_is_right_with_floats_of_32_bit():
    """Drawn: pulses in a unit, of up to six digits, as such a float has them, and counts."""
    random.seed(6)
    for _ in range(400):
        number, parts = random.randrange(1, 1_000_000), 10 ** random.randrange(0, 5)
        count = random.getrandbits(30)
        (per_unit,) = struct.unpack("f", struct.pack("f", number / parts))
        _, sensor = at(Clock(), per_unit=per_unit)
        sensor._count = count
        whole, _, rest = json.dumps(sensor.read()[1]).partition(".")
        told, one = int(whole + rest), 10 ** len(rest)
        # In whole numbers: told / one and count / (number / parts) are a twentieth pulse apart.
        assert 20 * abs(told * number - count * parts * one) <= parts * one, (
            per_unit,
            count,
            told,
        )


def test_two_counts_never_look_alike():
    for per_unit in (1.0, 2.0, 3.579, 450.0, 1000.0, 6400.0):
        _, sensor = at(Clock(), per_unit=per_unit)
        for start in (0, 9_999_998, 16_777_214, 123_456_788):
            seen = []
            for i in range(4):
                sensor._count = start + i
                seen.append(json.dumps(sensor.read()[1]))
            assert len(set(seen)) == 4, (per_unit, seen)


def test_a_pulse_after_weeks_at_rest_counts():
    for rest in (100, (1 << 29) + 5, (1 << 29) + 1000):  # of a clock of 30 bit
        for debounce in (0, 20):
            clock = Clock()
            pin, sensor = at(clock, debounce_ms=debounce)
            for pause in (50, rest):
                pin.to(1)
                clock.now = ticks_add(ticks_add(clock.now, pause // 2), pause - pause // 2)
                pin.to(0)
                clock.now = ticks_add(clock.now, 50)
            assert sensor.read()[1] == 2, (rest, debounce)


def test_a_contact_that_bounces_when_it_closes_and_opens_counts_once():
    clock = Clock()
    pin, sensor = at(clock, debounce_ms=12)
    pin.to(1)
    clock.now = ticks_add(clock.now, 30)
    for closed_ms in (4, 40, 400):  # shorter than the bounces, and longer
        for level, pause in ((0, 1), (1, 1), (0, 1), (1, closed_ms), (0, 1), (1, 1)):
            clock.now = ticks_add(clock.now, pause)
            pin.to(level)
        clock.now = ticks_add(clock.now, 30)
    assert sensor.read()[1] == 3


def test_the_count_of_the_interrupt_goes_round_unseen():
    pin, sensor = at(Clock())
    sensor._edges = sensor._taken = 0x1FFF_FFFE
    counted(pin, 5)
    assert sensor._edges == 3
    assert sensor.read()[1] == 5


def test_pulses_are_counted_by_a_hard_interrupt_where_there_is_one():
    class Hard(Pin):
        def irq(self, handler, trigger, hard=False):
            super().irq(handler, trigger)
            self.hard = hard

    pin = Hard()
    sensor = pulse.Pulse(pin)
    assert pin.hard
    before = gc.mem_alloc()
    gc.disable()  # such an interrupt must not allocate
    try:
        sensor._on_edge(pin)
        before = gc.mem_alloc()
        for _ in range(20):
            sensor._on_edge(pin)
        assert gc.mem_alloc() == before
    finally:
        gc.enable()
    assert sensor.read()[1] == 21


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


def test_of_two_totals_that_are_whole_the_larger_counts():
    os.chdir("/tmp")
    forget()
    try:
        for counts in ((7, 12), (12, 7)):
            for i in range(2):
                with open("rain.count%d" % i, "w") as file:
                    file.write("%d %d\n" % (counts[i], counts[i] ^ 0x5A5A5A))
            pin, sensor = at(Clock(), keep="rain")
            assert sensor.read()[1] == 12
            counted(pin, 1)
            sensor.close()
            # The older of the two was written over.
            assert at(Clock(), keep="rain")[1].read()[1] == 13
            with open("rain.count%d" % (counts[1] == 12)) as file:
                assert file.read().startswith("12 ")
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
