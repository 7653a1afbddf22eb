"""The ends of an analog input: where a voltage stands for nothing."""


def end(adc, volts, supply, near=0.005):
    """Return -1 for a voltage at the lower end, 1 for one at the upper, else 0.

    adc: that measured it; supply: volts that there can be; near: an end is missed by such a share
    """
    low, high = near * supply, (1 - near) * supply
    if hasattr(adc, "read_uv"):  # ESP32's tells nothing below 0.14 V and above 3.1 V
        low, high = max(low, 0.15), min(high, 3.05)
    return (volts >= high) - (volts <= low)
