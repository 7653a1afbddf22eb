"""Puts the Wi-Fi that the board has joined into its config. Needed once, then forgotten."""

import json

from node.config.load import NAME, read, write
from node.overlay import forget


def save(ssid, password, broker="", user="", secret="", node=""):
    """Save them in one step. The next start checks the config, and keeps the one before till then.

    broker, user and secret of it, node: its name; what is empty stays as it is
    Raises OSError if the flash fails, ValueError if there is no config any more.
    """
    try:
        # The copy is the config that is in use, even if someone has damaged the file since.
        text = read(NAME + ".old", []) or read(NAME, [])
        if text is None and broker:  # the board's first config
            text = b"{}"
        config = json.loads(text or "")
        wifi = config.get("wifi")
        if not isinstance(wifi, dict):  # none, or a list of networks that are not there
            wifi = config["wifi"] = {}
        if wifi.get("ssid", ssid) != ssid:
            for key in "bssid address mask gateway dns".split():  # noqa: SIM905  # the former one's
                wifi.pop(key, None)
        wifi["ssid"] = ssid
        wifi.pop("password", None)
        if password:
            wifi["password"] = password
        mqtt = config.setdefault("mqtt", {})
        for section, key, value in (
            (mqtt, "host", broker),
            (mqtt, "user", user),
            (mqtt, "password", secret),
            (config, "node", node),
        ):
            if value:
                section[key] = value
        write(NAME, json.dumps(config).encode())
    finally:
        forget("load", package="node.config")
        forget("config")
