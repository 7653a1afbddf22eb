"""Outputs: what commands make of them, and what is safe."""

from time import ticks_add, ticks_ms

from sensors import buzzer, dimmer, relay, servo


class Pin:
    level = None

    def value(self, level):
        self.level = int(level)


class Pwm:
    hertz = duty = None

    def freq(self, hertz):
        self.hertz = hertz

    def duty_u16(self, duty):
        self.duty = duty


def refused(output, *values):
    for value in values:
        before = output.read()
        try:
            output.set(value)
        except ValueError as error:
            assert "value: " in str(error)
        else:
            raise AssertionError(value)
        assert output.read() == before


def test_a_relay_begins_safe_and_tells_its_changes():
    for safe in (False, True):
        for invert in (False, True):
            pin = Pin()
            output = relay.Relay(pin, invert=invert, safe=safe)
            assert output.changed and output.read() == (int(safe),) and not output.changed
            assert pin.level == safe ^ invert
            output.set(not safe)
            assert output.changed and output.read() == (int(not safe),)
            assert pin.level == (not safe) ^ invert
            output.close()
            assert pin.level == safe ^ invert
    refused(relay.Relay(Pin()), 1, 0, "true", None, [])


def test_a_relay_goes_back_after_its_longest_time():
    now = [1000]
    relay.ticks_ms = lambda: now[0]
    try:
        pin = Pin()
        output = relay.Relay(pin, most_s=2.0)
        output.set(True)
        assert output.poll(1000) <= 1000
        now[0] = 2500
        output.set(True)  # said again, that is no longer time
        output.poll(2900)
        assert pin.level == 1
        output.poll(3100)
        assert pin.level == 0 and output.changed and output.read() == (0,)
        output.set(False)
        assert output.poll(9000) == 1000
    finally:
        relay.ticks_ms = ticks_ms


def wrapped(now):
    """`now`, of ticks_ms, after so many days that the ticks have wrapped."""
    period = ticks_add(0, -1) + 1
    return (now + period * 3 // 4) % period


def test_an_output_that_nobody_looked_after_for_days_goes_back_at_once():
    relay.ticks_ms = buzzer.ticks_ms = lambda: 1000
    try:
        pin = Pin()
        output = relay.Relay(pin, most_s=86_400)
        output.set(True)
        assert output.poll(2000) == 1000 and pin.level == 1
        output.poll(wrapped(2000))
        assert pin.level == 0
        pwm = Pwm()
        output = buzzer.Buzzer(pwm, most_s=600)
        output.set(600)
        assert output.poll(2000) == 1000 and pwm.duty
        output.poll(wrapped(2000))
        assert pwm.duty == 0
    finally:
        relay.ticks_ms = buzzer.ticks_ms = ticks_ms


def test_a_longest_time_that_the_ticks_cannot_count_is_refused():
    for make, most, wrong in (
        (lambda seconds: relay.Relay(Pin(), most_s=seconds), "86400", (-1, 86_401, 1e9)),
        (lambda seconds: buzzer.Buzzer(Pwm(), most_s=seconds), "600", (0, -1, 601, 1e9)),
    ):
        make(int(most))
        for seconds in wrong:
            try:
                make(seconds)
            except ValueError as error:
                for word in ("most_s", repr(seconds), "seconds", most):
                    assert word in str(error), error
            else:
                raise AssertionError(seconds)


def test_a_dimmer():
    pwm = Pwm()
    output = dimmer.Dimmer(pwm, frequency=500)
    assert (pwm.hertz, pwm.duty, output.read()) == (500, 0, (0.0,))
    for value, duty in ((100, 65_535), (50, 32_768), (0.5, 328), (0, 0)):
        output.set(value)
        assert pwm.duty == duty and output.read() == (value,)
    refused(output, -1, 100.1, True, "50", None)
    output.set(70)
    output.close()
    assert pwm.duty == 0
    pwm = Pwm()
    dimmer.Dimmer(pwm, invert=True, safe=25.0)
    assert pwm.duty == int(65_535 * 0.75 + 0.5)


def test_a_servo():
    pwm = Pwm()
    output = servo.Servo(pwm, least_us=500, most_us=2500, range=180.0, safe=90.0)
    assert pwm.hertz == 50 and abs(pwm.duty * 20_000 / 65_535 - 1500) < 1
    output.set(180)
    assert abs(pwm.duty * 20_000 / 65_535 - 2500) < 1
    output.set(0)
    assert abs(pwm.duty * 20_000 / 65_535 - 500) < 1
    refused(output, 181, -1, False)


def test_a_buzzer_is_silent_after_its_time():
    pwm = Pwm()
    output = buzzer.Buzzer(pwm, frequency=3000, most_s=5.0)
    output.read()
    assert (pwm.hertz, pwm.duty) == (3000, 0)
    began = ticks_ms()
    output.set(1.5)
    assert pwm.duty == 32_768 and output.read() == (1,)
    output.poll(ticks_add(began, 1400))
    assert pwm.duty == 32_768
    output.poll(ticks_add(began, 1600))
    assert pwm.duty == 0 and output.changed and output.read() == (0,)
    output.set(5)
    output.set(0)
    assert pwm.duty == 0
    refused(output, 5.1, -1, True)
