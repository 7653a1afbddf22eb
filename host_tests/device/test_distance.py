"""The pulses of an ultrasonic sensor, on pins in the test's hand."""

from time import ticks_diff, ticks_us

from sensors import distance


class Trigger:
    """Notes for how long it was high."""

    def __init__(self):
        self.pulses = []

    def value(self, level):
        if level:
            self.rose = ticks_us()
        elif hasattr(self, "rose"):
            self.pulses.append(ticks_diff(ticks_us(), self.rose))


class Echo:
    IN = 0
    OUT = 1
    level = 0
    only_in = False  # a pin that cannot be an output

    def __init__(self):
        self.modes = []

    def value(self):
        return self.level

    def init(self, mode, value=None):
        if self.only_in and mode == self.OUT:
            raise ValueError
        self.modes.append((mode, value))


def made(echoes, **options):
    said = list(echoes)
    return distance.Distance(
        Trigger(), Echo(), lambda pin, level, timeout: said.pop(0), temperature=20, **options
    )


def all_of(sensor):
    waits = [sensor.start()]
    found = sensor.read()
    while isinstance(found, int):
        waits.append(found)
        found = sensor.read()
    return waits, found


def test_the_trigger_is_long_enough_for_every_part():
    sensor = made([1000] * 3)
    all_of(sensor)
    assert len(sensor.trigger.pulses) == 3 and min(sensor.trigger.pulses) >= 20


def test_pings_are_apart_and_the_middle_one_is_told():
    waits, found = all_of(made([-2, 6000, 5800, 3000, 5700], pings=5))
    assert waits[1:] == [61] * 4
    assert found == (0.996,)  # 5800 us, at 343.4 m/s


def test_each_reading_has_echoes_of_its_own():
    sensor = made([1000, 1000, 1000, 9000, -2, -2, -2, -2, -2], pings=3)
    assert all_of(sensor)[1] == (0.172,)
    assert all_of(sensor)[1] == (1.545,)
    assert sensor.read() == 61  # without start(), and yet from the beginning
    try:
        sensor.read()
        sensor.read()
    except OSError:
        return
    raise AssertionError


def test_the_first_ping_waits_for_the_echoes_of_the_last():
    now = [100]
    kept, distance.ticks_ms = distance.ticks_ms, lambda: now[0]
    try:
        sensor = made([1000, 1000], pings=1)
        all_of(sensor)
        now[0] += 20
        assert sensor.start() == 41
        now[0] += 41
        assert sensor.start() == 0
        now[0] += 1 << 29  # so long that the clock seems to go backwards
        assert sensor.start() == 0
    finally:
        distance.ticks_ms = kept


def test_no_ping_while_the_echo_is_high():
    for only_in in (False, True):
        sensor = made([])
        sensor.echo.level = 1
        sensor.echo.only_in = only_in
        try:
            all_of(sensor)
        except OSError as error:
            assert "ECHO stays high" in str(error)
        else:
            raise AssertionError
        assert sensor.trigger.pulses == []
        # It was pulled low before each ping, and is an input again.
        assert sensor.echo.modes == ([] if only_in else [(Echo.OUT, 0), (Echo.IN, None)] * 3)


def test_an_echo_that_was_held_high_is_told_by_what_came_before():
    sensor = made([5800, -1])
    sensor.start()
    sensor.read()
    sensor.read()
    sensor.echo.level = 1
    assert sensor.read() == (0.996,)
