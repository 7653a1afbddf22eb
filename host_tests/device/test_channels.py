"""Analog drivers: what a voltage stands for, and where it stands for nothing."""

from sensors import (
    analog,
    battery,
    ldr,
    loop,
    moisture,
    ntc,
    potentiometer,
    table,
    voltage,
)


class Adc:
    """An ADC as ESP32 has it: it knows its voltage, and ends before the supply does."""

    def __init__(self, volts):
        self.volts = volts

    def read_uv(self):
        return min(max(int(self.volts * 1_000_000 + 0.5), 142_000), 3_100_000)

    def read_u16(self):
        return 0 if self.volts <= 0.142 else 65535 if self.volts >= 3.1 else 30_000


class Plain:
    """An ADC as most ports have it."""

    def __init__(self, volts):
        self.volts = volts

    def read_u16(self):
        return min(max(int(self.volts / 3.3 * 65535 + 0.5), 0), 65535)


def read(module, volts, adc=Plain, **options):
    return module.DRIVER(adc(volts), **options).read()


def near(found, wanted, within=0.002):
    assert abs(found - wanted) <= within, (found, wanted)


def refused(module, volts, what, adc=Plain, **options):
    try:
        found = read(module, volts, adc, **options)
    except ValueError as error:
        assert what in str(error), error
    else:
        raise AssertionError(found)


def test_every_driver_says_its_options_and_starts_at_once():
    for module in (analog, battery, ldr, loop, moisture, ntc, potentiometer, table, voltage):
        assert module.USES == "adc"
        options = module.options()
        assert options["samples"] == (16, 1, 255), module
        more = {"points": [0, 0, 3, 3]} if module is table else {}
        sensor = module.DRIVER(Adc(2.0), **more)
        assert sensor.start() == 0
        assert len(sensor.read()) == len(sensor.FIELDS)
        # Each default that the check tells is the one that the driver has.
        for name in options:
            if options[name][0] is not ...:
                more[name] = options[name][0]
        assert module.DRIVER(Adc(2.0), **more).read() == sensor.read()


def test_a_port_without_calibration():
    near(voltage.DRIVER(Plain(1.65)).read()[0], 1.65)
    near(voltage.DRIVER(Plain(1.65), reference=1.0).read()[0], 0.5)


def test_a_divider():
    near(read(voltage, 1.0, top=90_000.0)[0], 10.0)
    near(read(voltage, 3.0)[0], 3.0)


def test_a_battery():
    for kind, cell, left in (
        ("li-ion", 4.2, 100), ("li-ion", 3.78, 50), ("li-ion", 3.0, 0), ("li-ion", 1.9, 0),
        ("li-ion", 4.4, 100), ("lifepo4", 3.25, 40), ("alkaline", 1.55, 100), ("lead", 2.02, 50),
    ):  # fmt: skip
        volts, found = read(battery, 2 * cell / 4, kind=kind, cells=2, top=30_000.0)
        near(volts, 2 * cell)
        near(found, left, 1)


def test_a_battery_that_there_is_not():
    for kind, least, most in (
        ("li-ion", 1.85, 5.0), ("lifepo4", 1.55, 4.1), ("alkaline", 0.6, 1.8), ("lead", 1.1, 2.5),
    ):  # fmt: skip
        for cell in (least, most):
            near(read(battery, cell / 2, kind=kind, cells=2, top=30_000.0)[0], 2 * cell)
        for cell in (0.0, least - 0.1, most + 0.1):
            said = "%.2f V is not what 2 %s cells have" % (2 * cell, kind)
            refused(battery, cell / 2, said, kind=kind, cells=2, top=30_000.0)


def test_a_battery_has_never_more_left_with_less_voltage():
    for kind in battery.options()["kind"][1]:
        last = count = 0
        for i in range(80, 450, 3):
            try:
                left = read(battery, i / 400, kind=kind, top=30_000.0)[1]
            except ValueError:
                continue  # no such battery
            assert left >= last, (kind, i)
            last = left
            count += 1
        assert last == 100 and count > 30


def test_an_ntc_by_beta():
    # 10k at 25 C; B 3950: 32,960 ohms at 0 C and 2,538 at 60 C, within the beta equation
    near(read(ntc, 1.65)[0], 25.0, 0.06)
    near(read(ntc, 3.3 * 33_621 / 43_621)[0], 0.0, 0.11)
    near(read(ntc, 3.3 * 2_486 / 12_486)[0], 60.0, 0.11)
    near(read(ntc, 3.3 * 10_000 / 12_486, above=True)[0], 60.0, 0.11)


def test_an_ntc_by_steinhart_and_hart():
    # Vishay NTCLE100E3 10k: 10000 ohms at 25 C, 32554 at 0 C, 1256 at 80 C
    abc = {"a": 1.1275e-3, "b": 2.3441e-4, "c": 8.6482e-8}
    near(read(ntc, 1.65, **abc)[0], 25.0, 0.3)
    near(read(ntc, 3.3 * 32_554 / 42_554, **abc)[0], 0.0, 0.5)
    near(read(ntc, 3.3 * 1_256 / 11_256, **abc)[0], 80.0, 0.3)


def test_an_ntc_that_is_broken():
    for adc in (Plain, Adc):
        for supply in (3.3, 2.5):
            refused(ntc, supply, "it is not connected", adc, supply=supply)
            refused(ntc, supply, "it is shorted", adc, supply=supply, above=True)
        refused(ntc, 0.0, "it is shorted", adc)
        refused(ntc, 0.0, "it is not connected", adc, above=True)
    near(read(ntc, 0.14)[0], 116.7, 0.2)  # an ADC that goes so far tells it
    refused(ntc, 0.14, "it is shorted", Adc)
    near(read(ntc, 0.16, Adc)[0], 111.4, 0.2)
    near(read(ntc, 3.04, Adc)[0], -21.6, 0.2)


def test_an_ntc_says_what_it_can_measure():
    refused(ntc, 0.05, "C; it measures -55 to 150")  # 167 C
    refused(ntc, 1.65, "C; it measures -55 to 150", a=-1.0)  # coefficients of nothing
    refused(ntc, 1.65, "C; it measures -55 to 150", nominal=1e7)


def test_an_ldr():
    near(read(ldr, 3.3 * 10_000 / 25_000)[0], 10, 0.5)  # 15k at 10 lx
    for adc, most in ((Plain, 329), (Adc, 304)):
        assert read(ldr, 0.0, adc) == (0.0,)
        refused(ldr, 3.3, "it is shorted, or too bright for a series of 10000 ohms", adc)
        last = -1
        refused(ldr, 3.04, "lx; it measures 0 to 100000", adc, series=200.0)
        for i in range(0, most, 2):
            (lux,) = read(ldr, i / 100, adc)
            assert lux >= last
            last = lux


def test_soil_moisture():
    for dry, wet in ((2.6, 1.1), (0.5, 3.0)):
        near(read(moisture, dry, dry=dry, wet=wet)[0], 0, 0.1)
        near(read(moisture, wet, dry=dry, wet=wet)[0], 100, 0.1)
        near(read(moisture, (dry + wet) / 2, dry=dry, wet=wet)[0], 50, 0.1)
    assert read(moisture, 2.9) == (0.0,) and read(moisture, 0.8) == (100.0,)
    for volts in (0.0, 0.7, 3.0):
        refused(moisture, volts, "V, but the probe has 2.6 V dry, 1.1 V wet; check its wires")
    refused(moisture, 1.0, "both 2.0 V", dry=2.0, wet=2.0)


def test_a_current_loop():
    near(read(loop, 0.48)[0], 0)
    near(read(loop, 2.4)[0], 100)  # within what an ESP32 measures accurately
    near(read(loop, 1.44, low=-50.0, high=150.0)[0], 50, 0.01)
    refused(loop, 0.0, "0.0 mA: the loop is open")
    refused(loop, 0.4, "3.3 mA: the loop is open")
    for adc in (Plain, Adc):
        refused(loop, 3.25, "mA: the transmitter reports a fault", adc)
    near(read(loop, 2.5, Adc)[0], 105.2, 0.1)
    refused(loop, 3.3, "the transmitter reports a fault", reference=1.0)
    near(read(loop, 1.65, reference=10.0, shunt=250.0)[0], 100)  # 5 V, through a divider


def test_a_potentiometer():
    assert read(potentiometer, 0.0) == (0.0,)
    near(read(potentiometer, 1.65)[0], 50)
    assert read(potentiometer, 3.4) == (100.0,)
    refused(potentiometer, 2.0, "2.000 V at the wiper is more than its supply, 1 V", supply=1.0)
    for volts, wanted in ((0.0, 0.0), (0.2, 6.0), (1.65, 50.0), (3.0, 91.0), (3.3, 100.0)):
        assert read(potentiometer, volts, Adc) == (wanted,)


def test_a_table():
    ph = [1.2, 9.18, 1.5, 6.86, 1.8, 4.0]
    for volts, wanted in ((1.2, 9.18), (1.35, 8.02), (1.5, 6.86), (1.8, 4.0)):
        near(read(table, volts, points=ph, unit="pH")[0], wanted)
    for volts, wanted in ((1.0, 10.727), (2.0, 2.093)):  # beyond the ends
        near(read(table, volts, points=ph, unit="pH")[0], wanted)
    refused(table, 2.5, "; it measures 0 to 14", points=ph, unit="pH", least=0, most=14)


def test_filters_by_the_config():
    sensor = potentiometer.DRIVER(Plain(1.0), median=3, slew=10.0, smooth=0.5)
    first = sensor.read()[0]
    sensor.adc.volts = 3.3
    assert sensor.read()[0] == first  # the median of two is the lower, then of three
    second = sensor.read()[0]
    assert first < second <= first + 5.5
