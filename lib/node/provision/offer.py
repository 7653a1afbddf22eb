"""Lets someone set the Wi-Fi over the REPL's line, on a board whose config names no network.

`petrel provision`, ESP Web Tools and Home Assistant's add-on speak Improv, see
node.provision.improv. A network is saved when the board has joined it; one that it can't join
changes nothing. What stays in RAM is only what listens.

A packet contains 0x03, which is Ctrl-C. So the interrupt is off meanwhile, and a 0x03 that comes
after a silence, alone or behind a CR, is taken for the Ctrl-C of a person or of mpremote.
"""

import select
import sys
from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from micropython import const, kbd_intr

from node.overlay import call, forget
from node.provision.improv import Improv

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_CTRL_C = const(3)
_TYPE = const(7)  # where the type of a packet is, which may be 3
_LOOK_MS = const(10)
_SILENCE = const(20)  # looks without a byte: the rest of a packet won't come
_READY = const(2)
_PROVISIONING = const(3)


class Offer:
    """What is known of it. node.network.wifi takes it for a node and its client."""

    wlan: "Any" = None
    wifi: "Any" = None
    connects = 0  # of the client

    def __init__(self, config, seconds):
        self.name = config["node"]
        self.hostname = config["wifi"].get("hostname") or self.name
        self.seconds = self.left = seconds
        self.state = _READY
        self.wanted = None  # name and password of the network
        self.address = ""
        self.client = self

    def failed(self, name, error):
        """Say what node.network.wifi has found out."""
        print("Petrel:", error)


def offer(config, seconds):
    """Answer until the Wi-Fi is set, or nobody has asked for so many seconds."""
    call("provision", "answer", "begin")
    offered = Offer(config, seconds)
    config.clear()  # its RAM is needed
    kbd_intr(-1)
    try:
        _listen(offered, Improv())
    finally:
        kbd_intr(_CTRL_C)
        forget("improv", package="node.provision")


def _listen(offered, improv):
    poller = select.poll()
    poller.register(sys.stdin.buffer, select.POLLIN)
    one = bytearray(1)
    silence = fresh = 0  # looks without a byte, and bytes since one
    second = ticks_ms()
    while offered.left:
        if ticks_diff(ticks_ms(), second) >= 1000:
            second = ticks_add(second, 1000)
            if offered.state == _PROVISIONING:
                call("provision", "answer", "look", offered)
            else:
                offered.left -= 1
        for _ in poller.ipoll(0):
            if sys.stdin.buffer.readinto(one, 1):
                break
        else:
            fresh = 0
            silence += 1
            if silence == _SILENCE:
                improv.held = 0
            sleep_ms(_LOOK_MS)
            continue
        silence = 0
        if one[0] == _CTRL_C and fresh < 2 and improv.held < _TYPE:
            raise KeyboardInterrupt
        fresh += 1
        command = improv.feed(one[0])
        if command:
            call("provision", "answer", "obey", offered, command, improv.packet)
