"""Carries out what is asked for over Improv. Needed for each command, then forgotten."""

import sys

from micropython import const

from node.overlay import call, forget
from node.provision import packets

# States, commands and errors of Improv.
_READY = const(2)
_PROVISIONING = const(3)
_PROVISIONED = const(4)
_SETTINGS = const(1)
_TELL_STATE = const(2)
_TELL_INFO = const(3)
_SCAN = const(4)
_MALFORMED = const(1)
_UNKNOWN_COMMAND = const(2)
_NOT_JOINED = const(3)
_OTHER = const(255)

_AT = const(3)  # in node.network.wifi's list: 0 when an attempt is over
_AFTER_S = const(3)  # it answers for this long after it was set


def begin():
    """Say what may be done."""
    forget("packets", package="node.provision")
    print(
        'Petrel: the config names no Wi-Fi. Set it over this line: with "petrel provision", ESP '
        "Web Tools or Home Assistant. Ctrl-C ends this."
    )


def obey(offer, command, packet):
    """Carry out a command; -1: one that is malformed."""
    try:
        if command < 0:
            packets.error(_MALFORMED)
            return
        packets.error(0)
        if offer.state != _PROVISIONED:
            offer.left = offer.seconds
        if command == _SETTINGS and offer.state != _PROVISIONED:
            try:
                offer.wanted = packets.settings(packet)
            except ValueError:
                packets.error(_MALFORMED)
            else:
                _join(offer)
        elif command == _TELL_STATE:
            packets.state(offer.state)
            if offer.state == _PROVISIONED:
                packets.result(command, "", offer.address)
        elif command == _TELL_INFO:
            machine = getattr(sys.implementation, "_machine", "")
            version = call("health", "telemetry", "version")
            packets.result(command, "Petrel", version, machine[-60:], offer.name)
        elif command == _SCAN:
            _scan(offer)
        else:
            packets.error(_UNKNOWN_COMMAND)
    finally:
        forget("packets", package="node.provision")


def look(offer):
    """Look at an attempt to join, once a second."""
    try:
        if offer.wlan.isconnected():
            _joined(offer)
        else:
            call("network", "wifi", "step", offer)
            if not offer.wifi[_AT]:
                _refuse(offer, _NOT_JOINED)
    finally:
        forget("packets", package="node.provision")


def _scan(offer):
    try:
        call("provision", "scan", "tell", packets.result, _SCAN)
    except Exception as error:  # a port may raise anything
        offer.failed("wifi", "no scan: " + (str(error) or type(error).__name__))
        packets.error(_OTHER)


def _join(offer):
    ssid, password = offer.wanted
    for value, kind, key in ((ssid, "ssid", "ssid"), (password, "wifi", "password")):
        # No password is one, too.
        want = (value or key == "ssid") and call("config", "values", "wrong", value, (0, kind))
        if want:
            offer.failed("wifi", "wifi.%s: use %s" % (key, want))
            _refuse(offer, _NOT_JOINED)
            return
    offer.state = _PROVISIONING
    packets.state(_PROVISIONING)
    call("network", "wifi", "begin", offer, ssid, password or None, offer.hostname)
    try:
        offer.wlan.active(True)
        offer.wlan.disconnect()  # from what the radio remembers by itself
    except Exception:  # it isn't connected, or reports that in a moment
        pass
    call("network", "wifi", "step", offer)
    if not offer.wifi[_AT]:
        _refuse(offer, _NOT_JOINED)


def _joined(offer):
    try:
        call("provision", "save", "save", *offer.wanted)
    except (OSError, ValueError, MemoryError) as error:
        offer.failed("wifi", "config.json: not saved: %s" % error)
        _refuse(offer, _OTHER)
        return
    offer.address = offer.wlan.ifconfig()[0]
    print('Petrel: Wi-Fi "%s": joined and saved; address %s' % (offer.wanted[0], offer.address))
    offer.left = _AFTER_S
    offer.state = _PROVISIONED
    packets.state(_PROVISIONED)
    # First comes the address of a page, which a node doesn't have.
    packets.result(_SETTINGS, "", offer.address)


def _refuse(offer, error):
    offer.state = _READY
    packets.error(error)
    packets.state(_READY)
