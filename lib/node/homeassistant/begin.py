"""Whether a node tells Home Assistant about itself. Needed once at the start, then forgotten.

If the config doesn't say, it does once it has seen Home Assistant. From then on there is the
file.
"""

import hashlib
import os

from micropython import const

from node.overlay import call

_FILE = const("homeassistant.txt")
_OFTEN = const(4)  # see node.homeassistant.birth


def begin(node, config):
    """Prepare what it will say, before the connection takes its RAM; sets node.birth.

    Putting that together takes a lot of code, whose names stay in RAM for good. So it is done only
    when the config or Petrel has changed, and then the board starts afresh.
    """
    section = config.get("homeassistant")
    there = _FILE in os.listdir()
    node.birth = int(there or section is not False)
    who = "Home Assistant"
    if section and section.get("convention") == "homie":
        who = "Homie"
        node.birth = _OFTEN  # nobody asks for Home Assistant's birth message
    if node.safe or not there and not isinstance(section, dict):
        return
    try:
        mark = _mark()
        if there:
            with open(_FILE) as file:
                if mark in file.readline().split():
                    return
        call("homeassistant", "compose", "compose", node, config, mark)
    except (OSError, ValueError, MemoryError) as error:  # the readings go on
        node.failed(who, error)
    else:
        node.ended = who + " will be told what has changed; starting afresh"


def _mark():
    """Return a mark of what the file was made from: the config, and the version of Petrel."""
    from node.health.telemetry import VERSION

    digest = hashlib.sha256(VERSION.encode())
    with open("config.json", "rb") as file:
        while True:
            piece = file.read(64)
            if not piece:
                return digest.digest()[:4].hex()
            digest.update(piece)
