"""Lets someone set the Wi-Fi, on a board that has none or can't join it; see node.provision.when.

Over the REPL's line `petrel provision`, ESP Web Tools and Home Assistant's add-on speak Improv,
see node.provision.improv. For a phone there is an access point, see node.provision.portal. A
network is saved when the board has joined it; one that it can't join changes nothing. What stays
in RAM is only what listens.

A packet of Improv contains 0x03, which is Ctrl-C. So the interrupt is off meanwhile, and a 0x03
that comes after a silence, alone or behind a CR, is taken for the Ctrl-C of a person or of
mpremote.
"""

import select
import sys
from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from micropython import const, kbd_intr

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_CTRL_C = const(3)
_TYPE = const(7)  # where the type of a packet is, which may be 3
_LOOK_MS = const(10)
_SILENCE = const(20)  # looks without a byte: the rest of a packet won't come
_PROVISIONING = const(3)


class Offer:
    """What is known of it; node.provision.turns sets all of it. It is a node for network.wifi."""

    wlan: "Any" = None
    if False:
        line: "Any"  # what finds packets of Improv, if it is offered
        portal: "Any"  # the access point, while it is open
        left: "Any"  # s until node.provision.turns decides how to go on
        state: "Any"
        error: "Any"

    def failed(self, name, error):
        """Say what node.network.wifi has found out."""
        self.error = error
        print("Petrel:", error)


def offer(config, seconds):
    """Answer until the Wi-Fi is set, another config is there, or a known Wi-Fi is back.

    seconds: how long the access point is open without a request; 0: there is none
    """
    offered = Offer()
    call("provision", "turns", "begin", offered, config, seconds)
    try:
        _listen(offered, offered.line)
    finally:
        kbd_intr(_CTRL_C)
        call("provision", "turns", "end", offered)


def _listen(offered, line):
    poller = select.poll()
    poller.register(sys.stdin.buffer, select.POLLIN)
    one = bytearray(1)
    silence = fresh = 0  # looks without a byte, and bytes since one
    second = ticks_ms()
    while True:
        if ticks_diff(ticks_ms(), second) >= 1000:
            second = ticks_add(second, 1000)
            offered.left -= offered.state != _PROVISIONING
            due = offered.left <= 0 or offered.state == _PROVISIONING
            if due and call("provision", "turns", "over", offered):
                return
        if offered.portal:
            offered.portal.step()
        for _ in poller.ipoll(0) if line else ():
            if sys.stdin.buffer.readinto(one, 1):
                break
        else:
            fresh = 0
            silence += 1
            if silence == _SILENCE and line:
                line.held = 0
            sleep_ms(_LOOK_MS)
            continue
        silence = 0
        if one[0] == _CTRL_C and fresh < 2 and line.held < _TYPE:
            raise KeyboardInterrupt
        fresh += 1
        command = line.feed(one[0])
        if command:
            call("provision", "answer", "obey", offered, command, line.packet)
