"""Carries out what is asked for over Improv. Needed for each command, then forgotten."""

import sys

from micropython import const

from node.overlay import call, forget
from node.provision import packets

# States, commands and errors of Improv.
_PROVISIONING = const(3)
_PROVISIONED = const(4)
_SETTINGS = const(1)
_TELL_STATE = const(2)
_TELL_INFO = const(3)
_SCAN = const(4)
_MALFORMED = const(1)
_UNKNOWN_COMMAND = const(2)
_OTHER = const(255)


def obey(offer, command, packet):
    """Carry out a command; -1: one that is malformed."""
    try:
        if command < 0:
            packets.error(_MALFORMED)
            return
        packets.error(0)
        call("provision", "turns", "used", offer)
        if command == _SETTINGS and offer.state != _PROVISIONED:
            try:
                wanted = packets.settings(packet)
            except ValueError:
                packets.error(_MALFORMED)
            else:
                packets.state(_PROVISIONING)
                tell(offer, call("provision", "join", "begin", offer, wanted))
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


def tell(offer, error):
    """Tell what became of an attempt to join, see node.provision.join."""
    if error < 0:
        offer.asked = True
        return
    offer.asked = False
    if error:
        packets.error(error)
    packets.state(offer.state)
    if not error:
        # First comes the address of a page, which a node doesn't have.
        packets.result(_SETTINGS, "", offer.address)
    forget("packets", package="node.provision")


def _scan(offer):
    try:
        call("provision", "scan", "tell", packets.result, _SCAN)
    except Exception as error:  # a port may raise anything
        offer.failed("wifi", "no scan: " + (str(error) or type(error).__name__))
        packets.error(_OTHER)
