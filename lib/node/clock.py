"""Sets the clock by SNTP (RFC 4330), and gives readings from before their time.

Called every second until somebody has set the clock, see node.overlay; what it remembers meanwhile
stands in the node: ntp, the server's name, or name:port, empty for none; udp, the socket while an
answer is awaited; ntp_left, s until the next step; ntp_pause, s of the last pause; began, when the
uptime was 0, s since 1970: taken once, for the seconds of clock and uptime do not begin together.
"""

import os
import time

import machine
from micropython import const

_SET = const(1_704_067_200)  # 2024-01-01: an earlier time means that nobody set the clock
_TO_1970 = const(2_208_988_800)  # from 1900, where NTP begins to count
_ERA = const(1 << 32)  # NTP's seconds begin anew in 2036
_WAIT_S = const(6)
_PAUSE_S = const(3600)  # longest pause: the look-up of a name may block, so it is not done often


def now(epoch):
    """Seconds since 1970, or 0 while the clock is not set; epoch: where the port begins."""
    seconds = int(time.time()) + epoch
    return seconds if seconds >= _SET else 0


def put(epoch, seconds):
    """Set the clock to `seconds` since 1970; epoch: where the port begins."""
    at = time.gmtime(seconds - epoch)
    # Ports count the days of the week from 0 or from 1; all take 1 to 6, and none goes by it.
    machine.RTC().datetime((at[0], at[1], at[2], at[6] or 1, at[3], at[4], at[5], 0))


def step(node):
    """A second with a clock that is not set: ask for the time, or look for the answer."""
    if now(node.epoch):
        _stop(node)
        node.began = node.began or now(node.epoch) - node.uptime
        _restamp(node)  # if the heap has no room for that, it is done in the next second
        node.unset = False
        return
    if node.ntp_left > 1:
        node.ntp_left -= 1
        if not node.udp:
            return
    elif node.udp:
        _later(node)
        return
    elif node.ntp and (not node.wlan or node.wlan.isconnected()):
        node.ntp_left = _WAIT_S
        try:
            _ask(node)
        except (OSError, ValueError) as error:
            node.failed("ntp", error)
            _later(node)
    try:
        for _ in range(8 if node.udp else 0):
            _answered(node, node.udp.recv(64))
    except OSError:
        pass  # nothing more yet


def _ask(node):
    import socket  # a board whose time comes over the serial line has none

    host, _, port = node.ntp.partition(":")
    info = socket.getaddrinfo(host, int(port or 123), 0, socket.SOCK_DGRAM)[0]
    node.udp = udp = socket.socket(info[0], info[1], info[2])
    udp.setblocking(False)
    udp.connect(info[-1])
    node.ntp_cookie = os.urandom(8)  # the answer repeats it, so that no other is taken
    udp.write(b"\x1b" + bytes(39) + node.ntp_cookie)


def _answered(node, answer):
    """Set the clock if the answer is one: a server's, synchronised, and to our question."""
    if len(answer) < 48 or answer[0] & 7 != 4 or answer[0] >> 6 == 3 or not 0 < answer[1] < 16:
        return
    seconds = int.from_bytes(answer[40:44], "big")
    if answer[24:32] != node.ntp_cookie or not seconds:
        return
    if seconds < _SET + _TO_1970:
        seconds += _ERA
    put(node.epoch, seconds - _TO_1970)


def _later(node):
    """Ask again after a pause that gets longer."""
    _stop(node)
    node.ntp_pause = node.ntp_left = min(node.ntp_pause * 2 + 10, _PAUSE_S)


def _stop(node):
    udp, node.udp = node.udp, None
    if udp:
        udp.close()


def _restamp(node):
    """Give the readings that wait, and were taken before, the time they were taken at."""
    from node.stamp import stamp

    began = node.began
    boot = node.boot
    outbox = node.client.outbox
    for index in range(node.client.session.known, outbox.count):
        place = (outbox.removed + index) % outbox.limit * 3 + 1
        outbox.ring[place] = stamp(outbox.ring[place], boot, began)
    if hasattr(outbox, "journal") and outbox.journal.unread < outbox.journal.next:
        outbox.on_read = lambda payload: stamp(payload, boot, began)
