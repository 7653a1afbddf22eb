"""The time of a reading that was taken before anybody had set the clock."""

import json

from node.clock import now


def stamp(node, payload):
    """Return the payload with "time" for "uptime", flagged; as it is if it is no such reading.

    One from before a restart stays as it is too: nobody knows how long that took.
    """
    if b'"uptime"' not in payload:
        return payload
    try:
        reading = json.loads(payload)
        if reading["boot"] != node.boot:
            return payload
        reading["time"] = now(node.epoch) - (node.uptime - reading.pop("uptime"))
    except (ValueError, KeyError, TypeError):
        return payload
    reading["restamped"] = True
    return json.dumps(reading).encode()
