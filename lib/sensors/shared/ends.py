"""The ends of an analog input's range, where a voltage means nothing."""


def end(adc, volts, supply, limit=0.005):
    """Return -1 for a voltage at the lower end, 1 at the upper end, otherwise 0.

    adc: the machine.ADC that measured it
    volts: the measured voltage
    supply: the highest possible voltage
    limit: how close counts as the end, as a fraction of `supply`
    """
    low, high = limit * supply, (1 - limit) * supply
    if hasattr(adc, "read_uv"):  # an ESP32's is blind below 0.14 V and above 3.1 V
        low, high = max(low, 0.15), min(high, 3.05)
    return (volts >= high) - (volts <= low)
