"""Opens the access point of node.provision.portal. Needed once, then forgotten."""

import network

if False:  # for type checkers: it costs a board nothing
    from typing import Any


def begin(offer, secret):
    """Open it for as long as the offer lasts. What fails is said, and the rest goes on."""
    access: "Any" = network.WLAN(network.AP_IF)  # type: ignore[call-arg]  # as in network.wifi
    name = offer.name if offer.name.startswith("petrel") else "petrel-" + offer.name
    name = name[:32]
    try:
        _set(access, name, secret)  # Pico W and Pyboard D take it before they switch on
        access.active(True)
        failed = _set(access, name, secret)  # and the others after that
        try:
            address, mask, *_ = access.ifconfig()
            # Phones shall ask this board for names; an ESP32 tells them so only if it is set.
            access.ifconfig((address, mask, address, address))
        except (OSError, ValueError, TypeError) as error:
            print("Petrel: access point: no name server:", error)
        if failed and access.config("ssid") != name:
            raise failed

        from node.provision.portal import Portal

        offer.portal = Portal(offer, access, address)
    except Exception as error:  # a port may raise anything
        print("Petrel: no access point:", str(error) or type(error).__name__)
        try:
            access.active(False)
        except Exception:  # it was never on
            pass
        return
    print(
        'Petrel: or join the Wi-Fi "%s" with a phone, and open http://%s. It is open for %d '
        "minutes." % (name, address, (offer.seconds + 59) // 60)
    )


def _set(access, name, secret):
    """Set name and password; return what that failed with, None if it did not."""
    wlan = network.WLAN
    try:
        if secret:
            kind = getattr(wlan, "SEC_WPA2", None) or getattr(wlan, "SEC_WPA_WPA2", 3)
            access.config(ssid=name, security=kind, key=secret)
        else:
            access.config(ssid=name, security=0)
    except Exception as error:  # it isn't on yet, or is on already
        return error
    return None
