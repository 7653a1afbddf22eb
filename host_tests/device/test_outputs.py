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
