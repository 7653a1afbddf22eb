"""Puts the Wi-Fi that the board has joined into its config. Needed once, then forgotten."""

import json

from node.config.load import NAME, read, write
from node.overlay import forget


def save(ssid, password):
    """Save them in one step. The next start checks the config, and keeps the one before till then.

    Raises OSError if the flash fails, ValueError if there is no config any more.
    """
    try:
        # The copy is the config that is in use, even if someone has damaged the file since.
        config = json.loads(read(NAME + ".old", []) or read(NAME, []) or "")
        wifi = config["wifi"]
        wifi["ssid"] = ssid
        if password:
            wifi["password"] = password
        write(NAME, json.dumps(config).encode())
    finally:
        forget("load", package="node.config")
        forget("config")
