"""The ends of an analog input: where a voltage stands for nothing."""


def end(adc, volts, supply, near=0.005):
    """Return -1 for a voltage at the lower end, 1 for one at the upper, else 0.

    adc: the one that measured it
    volts: what it measured
    supply: the most volts that there can be
    near: how near an end counts as the end, as a share of `supply`
    """
    low, high = near * supply, (1 - near) * supply
    if hasattr(adc, "read_uv"):  # ESP32's tells nothing below 0.14 V and above 3.1 V
        low, high = max(low, 0.15), min(high, 3.05)
    return (volts >= high) - (volts <= low)
