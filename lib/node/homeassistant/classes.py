"""What Home Assistant calls a quantity: its class, its unit, and how its values add up.

Every field of every driver is here; one of a driver of your own is shown with its unit alone.
"""


def of(field, unit):
    """Return (device class or "", unit or "", state class) of a field with the node's unit."""
    shown = {
        "C": "\u00b0C", "F": "\u00b0F", "deg": "\u00b0", "l": "L", "l/min": "L/min",
        "l/h": "L/h", "ml": "mL",
        "m3": "m\u00b3", "m3/h": "m\u00b3/h", "m3/min": "m\u00b3/min", "W/m2": "W/m\u00b2",
    }.get(unit, unit)  # fmt: skip
    found = FIELDS.get(field, "")
    if found == "total":
        return _TOTALS.get(shown, ""), shown, "total_increasing"
    if found == "rate":
        found = "volume_flow_rate" if shown in _FLOWS else ""
    elif found == "unit":
        found = _UNITS.get(shown, "")
    elif found == "power" and shown not in ("W", "kW"):
        found = ""
    return found, "" if found == "ph" else shown, "measurement"


# The class of a field; "unit": that of its unit; "": it has none.
FIELDS = {
    "temperature": "temperature",
    "humidity": "humidity",
    "pressure": "atmospheric_pressure",
    "illuminance": "illuminance",
    "carbon_dioxide": "carbon_dioxide",
    "voltage": "voltage",
    "current": "current",
    "power": "power",
    "distance": "distance",
    "moisture": "moisture",
    "left": "battery",
    "rate": "rate",
    "total": "total",
    "value": "unit",
    "position": "",
    "angle": "",
    "on": "",
    "state": "",
    "press": "",
    "colour": "",
}

_FLOWS = ("L/min", "m\u00b3/h", "L/h", "gal/min")

_TOTALS = {
    "L": "water", "m\u00b3": "water", "gal": "water", "Wh": "energy", "kWh": "energy",
    "mm": "precipitation", "in": "precipitation",
}  # fmt: skip

_UNITS = {
    "\u00b0C": "temperature", "\u00b0F": "temperature", "K": "temperature", "V": "voltage",
    "mV": "voltage", "A": "current", "mA": "current", "W": "power", "kW": "power",
    "hPa": "pressure", "mbar": "pressure", "bar": "pressure", "kPa": "pressure", "Pa": "pressure",
    "psi": "pressure", "inHg": "pressure", "mmHg": "pressure", "lx": "illuminance",
    "pH": "ph", "Hz": "frequency", "kg": "weight",
    "g": "weight", "L": "volume_storage", "m\u00b3": "volume_storage", "m": "distance",
    "in": "distance", "ft": "distance", "yd": "distance", "mi": "distance", "mph": "speed",
    "kn": "speed", "mL": "volume_storage", "lb": "weight", "oz": "weight", "gal": "volume_storage",
    "gal/min": "volume_flow_rate", "L/h": "volume_flow_rate",
    "cm": "distance", "mm": "distance", "km": "distance", "m/s": "speed", "km/h": "speed",
    "L/min": "volume_flow_rate", "m\u00b3/h": "volume_flow_rate", "dB": "sound_pressure",
    "W/m\u00b2": "irradiance",
}  # fmt: skip
