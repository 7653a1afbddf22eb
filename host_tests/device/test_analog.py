"""The analog input against an ADC that says what the test wants."""

from array import array

from sensors import analog
from sensors.analog import Analog
from sensors.channel import middle


class Adc:
    """An ADC as most ports have it."""

    def __init__(self, *values):
        self.values = list(values)
        self.taken = 0

    def read_u16(self):
        self.taken += 1
        return self.values[(self.taken - 1) % len(self.values)]


class CalibratedAdc(Adc):
    """An ADC as ESP32 has it."""

    def read_uv(self):
        return self.read_u16()


def near(a, b):
    return abs(a - b) < 1e-3


def test_volts_of_full_scale():
    assert Analog(Adc(65535)).read() == (3.3,)
    assert Analog(Adc(65535), reference=1.0).read() == (1.0,)


def test_calibrated_microvolts_are_preferred():
    assert Analog(CalibratedAdc(1_234_000)).read() == (1.234,)


def test_scale_offset_unit_and_decimals():
    sensor = Analog(CalibratedAdc(750_000), scale=100.0, offset=-50.0, unit="C", decimals=1)
    assert sensor.read() == (25.0,)
    assert sensor.FIELDS == (("value", "C", 1),)


def test_takes_as_many_samples_as_told():
    adc = Adc(1)
    Analog(adc, samples=7).read()
    assert adc.taken == 7


def test_outliers_do_not_move_the_value():
    quiet = [1_000_000] * 14
    sensor = Analog(CalibratedAdc(0, *quiet, 3_300_000), samples=16)
    assert sensor.read() == (1.0,)


def test_middle_of_few_is_the_median():
    assert middle(array("I", [7])) == 7
    assert middle(array("I", [9, 1])) == 5
    assert middle(array("I", [100, 1, 5])) == 5


def test_middle_half_is_averaged():
    assert near(middle(array("I", [8, 1, 4, 5, 1000, 6, 7, 0])), 5.5)


def test_sampling_and_sorting_allocate_nothing_that_grows():
    import gc

    sensor = Analog(CalibratedAdc(5, 3, 4, 1), samples=64)
    sensor.read()
    gc.collect()
    before = gc.mem_alloc()
    middle(sensor.samples)
    assert gc.mem_alloc() - before <= 32  # the float that is returned


def test_options_are_those_of_the_constructor():
    defaults = {name: value[0] for name, value in analog.options().items()}
    sensor = Analog(Adc(65535), **defaults)
    assert sensor.read() == Analog(Adc(65535)).read()
    assert sensor.FIELDS == (("value", "V", 3),)
