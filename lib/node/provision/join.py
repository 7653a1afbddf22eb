"""Joins a network that was asked for, and saves it. Needed once a second then, then forgotten.

What node.provision.offer asks for is in offer.wanted: name and password of the network and, from
the page, the broker, its user and password, the node's name, and whether the broker must take it.
Nothing else is in it if the network is that of the config, which is tried again.
"""

from micropython import const

from node.overlay import call

_READY = const(2)
_PROVISIONING = const(3)
_PROVISIONED = const(4)
_AT = const(3)  # in node.network.wifi's list: 0 when an attempt is over
_AFTER_S = const(3)  # it answers for this long after it was set
_PAGE_S = const(20)  # a phone may lose the access point for some seconds, and has to see the end

# What became of it, as Improv's errors.
GOING_ON = const(-1)
DONE = const(0)
NOT_JOINED = const(3)
FAILED = const(255)


def begin(offer, wanted):
    """Begin to join; return what became of it."""
    offer.wanted = wanted
    offer.error = ""
    ssid, password = wanted[:2]
    for value, kind, key in ((ssid, "ssid", "ssid"), (password, "wifi", "password")):
        # No password is one, too.
        want = (value or key == "ssid") and call("config", "values", "wrong", value, (0, kind))
        if want:
            offer.failed("wifi", "wifi.%s: use %s" % (key, want))
            return _refuse(offer)
    offer.state = _PROVISIONING
    call("network", "wifi", "begin", offer, ssid, password or None, offer.hostname)
    try:
        offer.wlan.active(True)
        offer.wlan.disconnect()  # from what the radio remembers by itself
    except Exception:  # it isn't connected, or reports that in a moment
        pass
    return look(offer)


def look(offer):
    """Go on, once a second; return what became of it."""
    if offer.wlan.isconnected():
        return _joined(offer)
    call("network", "wifi", "step", offer)
    if offer.wifi[_AT]:
        return GOING_ON
    if not offer.error:
        offer.error = 'no connection to Wi-Fi "%s"' % offer.wanted[0]
    return _refuse(offer)


def _joined(offer):
    wanted = offer.wanted
    offer.address = offer.wlan.ifconfig()[0]
    if wanted is offer.known:
        print('Petrel: Wi-Fi "%s" is back' % wanted[0])
        offer.left = 0
        offer.state = _PROVISIONED
        return DONE
    try:
        wrong = len(wanted) > 2 and call("provision", "greet", "wrong", offer, wanted)
        if wrong:
            offer.failed("broker", wrong)
            if wanted[6]:
                return _refuse(offer)
        call("provision", "save", "save", *wanted[:6])
    except (OSError, ValueError, MemoryError) as error:
        offer.failed("wifi", "config.json: not saved: %s" % error)
        _refuse(offer)
        return FAILED
    print('Petrel: Wi-Fi "%s": joined and saved; address %s' % (wanted[0], offer.address))
    call("provision", "look", "keep", wanted[0], wanted[1], True)
    offer.left = _PAGE_S if len(wanted) > 2 else _AFTER_S
    offer.state = _PROVISIONED
    return DONE


def _refuse(offer):
    offer.state = _READY
    try:
        offer.wlan.disconnect()  # it would keep the access point on its channel
    except Exception:  # it isn't connected, or there was no attempt
        pass
    return NOT_JOINED
