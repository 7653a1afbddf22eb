"""The time of a reading that was taken before anybody had set the clock."""

import json


def stamp(payload, boot, began):
    """Return the payload with "time" for "uptime", flagged; as it is if it is no such reading.

    boot: that of the readings meant; began: when the uptime was 0, s since 1970. A reading from
    before a restart stays as it is too: nobody knows how long that took.
    """
    if b'"uptime"' not in payload:
        return payload
    try:
        reading = json.loads(payload)
        if reading["boot"] != boot:
            return payload
        reading["time"] = began + reading.pop("uptime")
    except (ValueError, KeyError, TypeError):
        return payload
    reading["restamped"] = True
    return json.dumps(reading).encode()
