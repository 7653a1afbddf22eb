"""Knows whether the board has ever joined the Wi-Fi of its config. Needed at times.

The file `wifi` has a digest of that network's name and password. A board that has never joined
it opens its access point soon: something in the config is wrong. One that has joined it waits for
its router, which is off or out of reach, unless the config says provision.after.
"""

import hashlib

from micropython import const

_FILE = const("wifi")  # a name that is in RAM already, as this module's
_NEVER_S = const(60)  # without the Wi-Fi, until the access point opens


def begin(node, config):
    """Set node.offer as the config wants it; it is 0 if the access point was open just now."""
    section = config["provision"]
    later = node.about["reset"] not in ("pwron", "soft")
    if section is False or "window" in section and later:
        node.offer = 0
    elif node.offer:
        node.offer = section.get("after", -1)


def look(node, offline):
    """Look at the Wi-Fi of a node that is `offline` for so many seconds; may end the node.

    node.offer: -1: open the access point if it never joined; more: after so many s in any case
    """
    if node.about.get("changed"):  # the config that it had before comes first
        return
    now = node.wlan.isconnected()
    joined = keep(node.wifi[0], node.wifi[1], now)
    if now or joined and node.offer < 0:
        node.offer = max(node.offer, 0)
    elif offline >= (node.offer if joined else _NEVER_S):
        why = "not joined for %d s" % offline if joined else "never joined"
        node.ended = 'provision: Wi-Fi "%s" %s' % (node.wifi[0], why)


def keep(ssid, password, now):
    """Return whether this network was ever joined; remember it if it is joined now."""
    digest = hashlib.sha256((ssid + "\0" + (password or "")).encode()).digest()[:8]
    try:
        with open(_FILE, "rb") as file:
            if file.read() == digest:
                return True
    except OSError:
        pass
    if now:
        try:
            with open(_FILE, "wb") as file:
                file.write(digest)
        except OSError as error:  # a full flash; it is asked for its Wi-Fi once more, at worst
            print("Petrel: wifi: not written:", error)
    return now
