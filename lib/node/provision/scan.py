"""Tells which networks are in range. Needed when someone asks, then forgotten."""

import network

if False:  # for type checkers: it costs a board nothing
    from typing import Any


def tell(result, command):
    """Answer the command with a result for each network, the strongest first, and an empty one."""
    wlan: "Any" = network.WLAN(network.STA_IF)  # type: ignore[call-arg]  # as in network.wifi
    wlan.active(True)
    found = wlan.scan()
    found.sort(key=_weakness)
    for i, (name, _, _, rssi, security, *_) in enumerate(found):
        if not name or any(found[j][0] == name for j in range(i)):
            continue  # it is hidden, or has several stations
        try:
            result(command, str(name, "utf-8"), str(rssi), "YES" if security else "NO")
        except UnicodeError:
            pass  # nobody could name it in a config
    result(command)


def _weakness(found):
    return -found[3]
