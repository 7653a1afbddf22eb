"""Numbers go out as a person would write them, with their field's decimals, on every port."""

import json

from node.sensor import text
from sensors.shared.steps import decimals
from sensors.voltage import Voltage


def plain(number, places):
    """number / 10**places, written without a float."""
    sign = "-" if number < 0 else ""
    one = 10**places
    return "%s%d.%0*d" % (sign, abs(number) // one, places, abs(number) % one)


def test_every_tenth_and_every_hundredth():
    for places, most in ((1, 2000), (2, 12_000)):
        about = ("x", "C", places)
        for number in range(-most, most + 1):
            assert text(number / 10**places, about) == plain(number, places)


def test_tenths_of_a_driver_that_says_no_decimals():
    for number in range(-2000, 2001):
        wanted = plain(number, 1)
        assert text(number / 10, ("x", "C")) == (wanted[:-2] if wanted[-1] == "0" else wanted)


def test_there_is_no_minus_zero():
    assert text(-0.04, ("x", "C", 1)) == "0.0"
    assert text(-0.0, ("x", "C", 0)) == "0"
    assert text(-0.0, ("x", "C")) == "0"


def test_what_is_no_float_stays_as_it_is():
    for value, shown in (
        (21, "21"),
        (True, "true"),
        ("click", '"click"'),
        ([255, 80, 0], "[255, 80, 0]"),
    ):
        assert text(value, ("x", "C", 2)) == shown


def test_what_json_cannot_say_is_refused():
    for value in (float("inf"), -float("inf"), float("nan")):
        try:
            shown = text(value, ("x", "C", 1))
        except ValueError as error:
            assert "not a number" in str(error)
        else:
            raise AssertionError(shown)


class Adc:
    def __init__(self, raw):
        self.raw = raw

    def read_u16(self):
        return self.raw


def test_fractions_that_filters_make_have_the_decimals_of_the_config():
    for options in ({"smooth": 0.37}, {"slew": 0.013}, {"median": 5}, {"top": 3333.0}):
        for places in range(7):
            sensor = Voltage(Adc(100), decimals=places, **options)
            for raw in (100, 7000, 33_333, 65_534):
                sensor.adc.raw = raw
                shown = text(sensor.read()[0], sensor.FIELDS[0])
                assert len(shown.partition(".")[2]) == places
                assert 0 <= json.loads(shown) < 4.5


def test_decimals_tell_two_steps_apart():
    for step, wanted in (
        (1, 0),
        (0.5, 1),
        (0.1, 1),
        (0.001, 3),
        (0.0001, 4),
        (0.000125, 4),
        (0, 9),
    ):
        assert decimals(step) == wanted, step
