"""Asks for the time by SNTP (RFC 4330).

Called when node.ntp_left, which counts down every second, is 0; see node.overlay. The list
node.ntp holds its state between calls.
"""

import os
import time
from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_SET = const(1_704_067_200)  # 2024-01-01: anything earlier means that the clock isn't set
_TO_1970 = const(2_208_988_800)  # seconds from 1900, where NTP starts counting
_ERA = const(1 << 32)  # NTP's seconds start again in 2036
_WAIT_S = const(6)  # for the answer
_SOON_S = const(5)  # between tries, if nobody can be asked
_PAUSE_S = const(3600)  # longest pause after a failure
_DEAR = const(60)  # a look-up blocks: wait this many times as long before the next

# Places in the list node.ntp; see node.network.clock as well.
_SERVER = const(0)  # name, or name:port; empty for none
_ADDRESS = const(2)  # the server's, as it was looked up
_UDP = const(3)  # the socket, while waiting for an answer
_TRIES = const(4)  # s left to wait
_COOKIE = const(5)  # the answer repeats it
_PAUSE = const(6)  # s of the last pause after a failure


def step(node):
    """Ask, or look for the answer; return the time, in s since 1970, or 0 for none yet.

    Sets node.ntp_left to the seconds until the next call.
    """
    ntp = node.ntp
    seconds = int(time.time()) + node.epoch
    if node.unset and seconds >= _SET:
        return seconds  # someone has set it
    if ntp[_UDP]:
        return look(node, ntp)
    node.ntp_left = _SOON_S
    if not ntp[_SERVER]:
        if not node.unset:
            node.ntp_left = -1
    elif not node.wlan or node.wlan.isconnected():
        began = ticks_ms()
        try:
            ask(ntp)
            node.ntp_left = 0
        except (OSError, ValueError) as error:
            least = ticks_diff(ticks_ms(), began) // 1000 * _DEAR
            again(node, ntp, words(ntp, error), least)
    return 0


def ask(ntp):
    import socket  # not on a board that gets the time over a serial line

    if not ntp[_ADDRESS]:
        host, port = ntp[_SERVER], 123
        if ":" in host:
            host, port = call("config", "hosts", "split", host, port)
        ntp[_ADDRESS] = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
    info = ntp[_ADDRESS]
    ntp[_UDP] = udp = socket.socket(info[0], info[1], info[2])
    udp.setblocking(False)
    udp.connect(info[-1])
    ntp[_COOKIE] = os.urandom(8)  # the answer repeats it, so no other one is accepted
    ntp[_TRIES] = _WAIT_S
    udp.write(b"\x1b" + bytes(39) + ntp[_COOKIE])


def look(node, ntp):
    """Read an answer; it counts if it is from a synchronised server, and for our question."""
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
        pass  # nothing more so far
    if not ntp[_TRIES]:
        ntp[_ADDRESS] = None  # it may have another address by now
        said = "%s does not answer. Check the name, and that UDP port 123 is open." % ntp[_SERVER]
        again(node, ntp, said, 0)
    return 0


def words(ntp, error):
    """Say why nobody could be asked. Ports differ in the number for an unknown name."""
    what = "cannot be reached" if ntp[_ADDRESS] else "is not known"
    return "%s %s (%s). Check the name, and that this network has a way out." % (
        ntp[_SERVER], what, error,
    )  # fmt: skip


def again(node, ntp, error, seconds):
    """Ask again after a pause that grows; seconds: its shortest length in s."""
    if ntp[_UDP]:
        ntp[_UDP].close()
        ntp[_UDP] = None
    if node.unset:
        node.failed("ntp", error)
    else:
        print("Petrel: ntp:", error)
    ntp[_PAUSE] = node.ntp_left = min(max(ntp[_PAUSE] * 2 + 10, seconds), _PAUSE_S)
