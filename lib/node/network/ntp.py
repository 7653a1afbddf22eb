"""Asks for the time by SNTP (RFC 4330).

Called when node.ntp_left, counted down every second, is 0, see node.overlay; what it remembers
meanwhile stands in the list node.ntp.
"""

import os
import time
from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_SET = const(1_704_067_200)  # 2024-01-01: an earlier time means that nobody set the clock
_TO_1970 = const(2_208_988_800)  # from 1900, where NTP begins to count
_ERA = const(1 << 32)  # NTP's seconds begin again in 2036
_WAIT_S = const(6)  # for an answer
_SOON_S = const(5)  # from one look to the next, where nobody can be asked
_PAUSE_S = const(3600)  # longest pause after a failure
_DEAR = const(60)  # a look-up blocks: so many times as long as it took is nothing looked up again

# Of what is remembered, in node.ntp; see node.network.clock as well.
_SERVER = const(0)  # name, or name:port; empty for none
_ADDRESS = const(2)  # of the server, as it was looked up
_UDP = const(3)  # the socket while an answer is awaited
_TRIES = const(4)  # s for which it still is
_COOKIE = const(5)  # that the answer repeats
_PAUSE = const(6)  # s of the last pause after a failure


def step(node):
    """Ask, or look for the answer; returns it, in s since 1970, for node.network.clock; else 0.

    Sets node.ntp_left to the s until the next call.
    """
    ntp = node.ntp
    seconds = int(time.time()) + node.epoch
    if node.unset and seconds >= _SET:
        return seconds  # somebody has set it
    if ntp[_UDP]:
        return _look(node, ntp)
    node.ntp_left = _SOON_S
    if not ntp[_SERVER]:
        if not node.unset:
            node.ntp_left = -1
    elif not node.wlan or node.wlan.isconnected():
        began = ticks_ms()
        try:
            _ask(ntp)
            node.ntp_left = 0
        except (OSError, ValueError) as error:
            least = ticks_diff(ticks_ms(), began) // 1000 * _DEAR
            _later(node, ntp, _words(ntp, error), least)
    return 0


def _ask(ntp):
    import socket  # a board whose time comes over the serial line has none

    if not ntp[_ADDRESS]:
        host, port = ntp[_SERVER], 123
        if ":" in host:
            host, port = call("config", "hosts", "split", host, port)
        ntp[_ADDRESS] = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
    info = ntp[_ADDRESS]
    ntp[_UDP] = udp = socket.socket(info[0], info[1], info[2])
    udp.setblocking(False)
    udp.connect(info[-1])
    ntp[_COOKIE] = os.urandom(8)  # the answer repeats it, so that no other is taken
    ntp[_TRIES] = _WAIT_S
    udp.write(b"\x1b" + bytes(39) + ntp[_COOKIE])


def _look(node, ntp):
    """Take what has come; it counts if it is a server's, synchronised, and to our question."""
    node.ntp_left = 0
    ntp[_TRIES] -= 1
    try:
        for _ in range(8):
            got = ntp[_UDP].recv(64)
            if len(got) < 48 or got[0] & 7 != 4 or got[0] >> 6 == 3 or not 0 < got[1] < 16:
                continue
            seconds = int.from_bytes(got[40:44], "big")
            if got[24:32] == ntp[_COOKIE] and seconds:
                ntp[_UDP].close()
                ntp[_UDP] = None
                return seconds - _TO_1970 + (_ERA if seconds < _SET + _TO_1970 else 0)
    except OSError:
        pass  # nothing more yet
    if not ntp[_TRIES]:
        ntp[_ADDRESS] = None  # it may have another address by now
        said = "%s does not answer. Check the name, and that UDP port 123 is open." % ntp[_SERVER]
        _later(node, ntp, said, 0)
    return 0


def _words(ntp, error):
    """Why nobody could be asked. Ports have other numbers for a name that nobody knows."""
    what = "cannot be reached" if ntp[_ADDRESS] else "is not known"
    return "%s %s (%s). Check the name, and that this network has a way out." % (
        ntp[_SERVER], what, error,
    )  # fmt: skip


def _later(node, ntp, error, least):
    """Ask again after a pause that gets longer; least: s of it at least."""
    if ntp[_UDP]:
        ntp[_UDP].close()
        ntp[_UDP] = None
    if node.unset:
        node.failed("ntp", error)
    else:
        print("Petrel: ntp:", error)
    ntp[_PAUSE] = node.ntp_left = min(max(ntp[_PAUSE] * 2 + 10, least), _PAUSE_S)
