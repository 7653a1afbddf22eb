"""Values as the JSON text that goes out: a float as it is would print as 9.300000000000001."""

import json


def text(value, about):
    """Return a value as JSON, a float with its field's decimals; whole numbers stay whole.

    about: (name, unit, decimals) of FIELDS; without decimals it is the seven digits of a board's
    float. Raises ValueError for what is no number: JSON has no inf and no nan.
    """
    if not isinstance(value, float):
        return json.dumps(value)
    if value - value != 0:
        raise ValueError("%s: %s is not a number" % (about[0], value))
    shown = "%.*f" % (about[2], value) if len(about) > 2 else "%.7g" % value
    return shown[1:] if shown[0] == "-" and not float(shown) else shown  # there is no -0.0
