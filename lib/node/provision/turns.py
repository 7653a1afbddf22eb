"""How node.provision.offer begins, goes on when its time is over, and ends. Needed then only."""

import os

from micropython import const, kbd_intr

from node.overlay import call, forget

_LOOK_AGAIN_S = const(300)  # for another config, and for the Wi-Fi that the config names
_READY = const(2)
_PROVISIONING = const(3)


def begin(offer, config, seconds):
    """Set all that there is to know, say how to set the Wi-Fi, and open the access point.

    seconds: how long it is open without a request; 0: it isn't
    """
    wifi, mqtt = config["wifi"], config["mqtt"]
    offer.client = offer
    offer.connects = 0  # of the client
    offer.wifi = offer.portal = offer.line = None
    offer.name = config["node"]
    offer.hostname = wifi.get("hostname") or offer.name
    offer.broker = mqtt.get("host", "")
    offer.mqtt = mqtt
    # Name and password of the network in the config, which is tried again.
    offer.known = [wifi["ssid"], wifi.get("password", "")] if "ssid" in wifi else None
    offer.state = _READY
    offer.asked = False  # what is being joined was asked for over Improv
    offer.error = ""
    offer.seconds = seconds  # of the access point, while it is open
    offer.more = 0  # s that are left of those when `left` is over
    offer.before = _look()
    _wait(offer, seconds)
    secret = (config.get("provision") or {}).get("password", "")
    config.clear()  # its RAM is needed
    if offer.known:
        known = offer.known[0]
        print('Petrel: Wi-Fi "%s": not joined; it is tried again every 5 minutes.' % known)
    if offer.broker:  # without one, the network alone makes no config
        what = "" if offer.known else "the config names no Wi-Fi. "
        print(
            'Petrel: %sSet it over this line: with "petrel provision", ESP Web Tools or Home '
            "Assistant. Ctrl-C ends this." % what
        )
        from node.provision.improv import Improv

        offer.line = Improv()
        kbd_intr(-1)
    else:
        print("Petrel: there is no config.json. Copy one to the board. Ctrl-C ends this.")
    if seconds:
        call("provision", "opening", "begin", offer, secret)


def over(offer):
    """Decide how to go on: once a second while it joins, or when `left` is over. True: end."""
    if offer.state == _PROVISIONING:
        done = call("provision", "join", "look", offer)
        if offer.asked and done >= 0:
            call("provision", "answer", "tell", offer, done)
        return False
    if offer.state != _READY or _look() != offer.before:
        return True
    if offer.more:
        _wait(offer, offer.more)
        if offer.known:
            call("provision", "join", "begin", offer, offer.known)
        return False
    if offer.known:
        return True
    close(offer)
    offer.left = _LOOK_AGAIN_S
    return False


def used(offer):
    """Someone uses it: the access point stays open for as long as at first."""
    if offer.state == _READY and offer.seconds:
        _wait(offer, offer.seconds)


def end(offer):
    """Close the access point, if it is still open."""
    close(offer)
    forget("improv", package="node.provision")


def close(offer):
    if offer.portal:
        offer.portal.close()
        offer.portal = None
        forget("portal", "request", package="node.provision")
        print("Petrel: the access point is closed")
    offer.seconds = 0


def _wait(offer, seconds):
    offer.left = min(seconds or _LOOK_AGAIN_S, _LOOK_AGAIN_S)
    offer.more = max(seconds - _LOOK_AGAIN_S, 0)


def _look():
    """Return what changes when someone copies a config to the board."""
    try:
        found = os.stat("config.json")
        return found[6] ^ found[8]  # size and time
    except OSError:
        return 0
