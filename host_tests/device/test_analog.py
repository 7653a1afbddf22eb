"""The analog input against an ADC that says what the test wants."""

from array import array

from sensors import analog
from sensors.analog import Analog
from sensors.shared.channel import middle


class Adc:
    """An ADC as most ports have it."""

    def __init__(self, *values):
        self.values = list(values)
        self.taken = 0

    def read_u16(self):
        self.taken += 1
        return self.values[(self.taken - 1) % len(self.values)]


class CalibratedAdc(Adc):
    """An ADC as ESP32 has it, whose code tells its ends."""

    code = 30_000

    def read_uv(self):
        return Adc.read_u16(self)

    def read_u16(self):
        return self.code


def near(a, b):
    return abs(a - b) < 1e-3


def test_volts_of_full_scale():
    assert Analog(Adc(65534)).read() == (3.3,)
    assert Analog(Adc(65534), reference=1.0).read() == (1.0,)


def test_calibrated_microvolts_are_preferred():
    assert Analog(CalibratedAdc(1_234_000)).read() == (1.234,)


def test_scale_offset_unit_and_decimals():
    sensor = Analog(CalibratedAdc(750_000), scale=100.0, offset=-50.0, unit="C", decimals=1)
    assert sensor.read() == (25.0,)
    assert sensor.FIELDS == (("value", "C", 1),)


def refused(sensor, said):
    try:
        found = sensor.read()
    except ValueError as error:
        assert str(error) == said, error
    else:
        raise AssertionError(found)


def test_the_ends_of_the_input_are_no_reading():
    assert Analog(Adc(0)).read() == (0.0,)  # a voltage like any other, except on an ESP32
    refused(Analog(Adc(65535)), "3.300 V is beyond what this input measures")
    adc = CalibratedAdc(142_000)
    adc.code = 0
    refused(Analog(adc, scale=100.0), "0.142 V is beyond what this input measures")
    adc = CalibratedAdc(2_000)
    adc.code = 0
    assert Analog(adc).read() == (0.002,)  # ESP32-S3 and -C3 tell 0 V
    adc = CalibratedAdc(3_100_000)
    adc.code = 65535
    refused(Analog(adc), "3.100 V is beyond what this input measures")
    adc.code = 65_000
    assert Analog(adc).read() == (3.1,)


def test_what_the_sensor_cannot_measure_is_no_reading():
    tmp36 = {"scale": 100.0, "offset": -50.0, "unit": "C", "least": -40, "most": 125}
    assert Analog(CalibratedAdc(1_750_000), **tmp36).read() == (125.0,)
    refused(Analog(CalibratedAdc(1_760_000), **tmp36), "126; it measures -40 to 125")
    refused(Analog(CalibratedAdc(90_000), **tmp36), "-41; it measures -40 to 125")


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
    sensor = Analog(Adc(65534), **defaults)
    assert sensor.read() == Analog(Adc(65534)).read()
    assert sensor.FIELDS == (("value", "V", 3),)
