"""What fields a sensor will have, when its part isn't there to be asked. Loaded when needed."""


def of(driver, entry):
    """Return the FIELDS of a driver's parts; entry: the sensor's config."""
    unit = entry.get("unit", "" if driver == "pulse" else "V")
    if driver == "pulse":
        return ("rate", unit + "/min"), ("total", unit)
    if driver in ("analog", "ads1115", "loop", "table"):
        return (("voltage" if driver == "ads1115" and unit == "V" else "value", unit),)
    if driver == "formula":
        from sensors.derived.parse import Parser

        try:
            return (
                Parser(entry["formula"]).about(entry.get("unit", ""), entry.get("decimals", 1)),
            )
        except (ValueError, KeyError, TypeError):  # which the check tells elsewhere
            return (("value", ""),)
    return __import__("sensors." + driver, None, None, ("DRIVER",)).DRIVER.FIELDS
