"""How often a node asks for the time, what it does with the answer, and that it blocks nothing."""
# heap: 64K
# port

import sys
import time

from node.network import clock, ntp

TO_1970 = 2_208_988_800
HOUR = 3600


class Socket:
    """A socket whose server answers at once, or never."""

    def __init__(self, net):
        self.net = net

    def setblocking(self, on):
        assert not on

    def connect(self, address):
        pass

    def write(self, question):
        self.net.asked += 1
        self.question = question

    def recv(self, size):
        if not self.net.off and self.net.off != 0:
            raise OSError(11)
        answer = bytearray(48)
        answer[0] = 0x24
        answer[1] = 2
        answer[24:32] = self.question[40:48]
        answer[40:44] = (int(time.time()) + self.net.off + TO_1970).to_bytes(4, "big")
        return bytes(answer)

    def close(self):
        pass


class Net:
    """Stands for the module `socket`; off: s by which the server's time differs from ours."""

    SOCK_DGRAM = 2

    def __init__(self, off=None, look_up_ms=0):
        self.off = off
        self.look_up_ms = look_up_ms
        self.asked = self.looked_up = 0
        sys.modules["socket"] = self

    def getaddrinfo(self, host, port, *more):
        self.looked_up += 1
        self.place = host, port
        if self.look_up_ms:
            Ticks.now += self.look_up_ms
            raise OSError(-2)
        return [(2, 2, 0, "", host)]

    def socket(self, *more):
        return Socket(self)


class Ticks:
    now = 0


ntp.ticks_ms = lambda: Ticks.now


class Node:
    """As much of a node as has a clock."""

    epoch = 0
    uptime = 5
    wlan = None
    news = False

    def __init__(self, server="pool.ntp.org"):
        self.about = {}
        self.said = []
        clock.begin(self, server)

    def failed(self, name, error):
        self.said.append("%s: %s" % (name, error))

    def live(self, seconds):
        """As the loop does every second."""
        for _ in range(seconds):
            self.uptime += 1
            if self.ntp_left:
                self.ntp_left -= 1
            else:
                seconds = ntp.step(self)
                if seconds:
                    clock.told(self, seconds)
        return self


def test_it_asks_soon_after_the_start_and_then_every_12_hours():
    net = Net(off=0)
    node = Node().live(10)
    assert (net.asked, net.looked_up) == (1, 1)
    node.live(24 * HOUR)  # it finds out that the clock is good: after 1, 2, 4, 8 hours
    assert 4 <= net.asked <= 6, net.asked
    asked = net.asked
    node.live(120 * HOUR)
    assert 8 <= net.asked - asked <= 12, net.asked
    assert net.looked_up == 1  # a look-up blocks
    assert node.said == [] and node.about == {}


def test_a_clock_that_drifts_is_asked_for_every_hour():
    net = Net(off=0)
    node = Node().live(60 * HOUR)
    net.off = 100
    put, clock.put = clock.put, lambda epoch, seconds: None  # it is off again at once
    node.live(12 * HOUR)
    before = net.asked
    node.live(24 * HOUR)
    clock.put = put
    assert 21 <= net.asked - before <= 29, net.asked


def test_not_all_nodes_ask_at_the_same_moment():
    Net(off=0)
    assert len({Node().live(10).ntp_left for _ in range(20)}) > 5


def test_a_step_is_told_and_small_ones_are_not():
    for off, said in (
        (1, None),
        (-2, None),
        (2, None),
        (37, "was 37 s slow"),
        (-400, "was 400 s fast"),
    ):
        Net(off=off)
        node = Node()
        before = int(time.time())
        node.live(10)
        assert node.about.get("clock") == said, node.about
        assert node.news == (said is not None)
        moved = int(time.time()) - before
        if abs(off) > 1:
            assert abs(moved - off) <= 1
            clock.put(0, int(time.time()) - off)  # as it was


def test_a_look_up_that_blocks_is_made_ever_more_rarely():
    """Of an hour in which no name is known, a minute and a half are lost at most."""
    net = Net(look_up_ms=5000)
    node = Node()
    node.live(60)
    assert net.looked_up == 1
    node.live(HOUR)
    assert 2 <= net.looked_up <= 6
    net = Net(look_up_ms=10)
    Node().live(60)
    assert net.looked_up > 2  # one that fails at once costs nothing


def test_a_server_that_does_not_answer_is_looked_up_again():
    net = Net()
    node = Node().live(600)
    assert 3 < net.asked == net.looked_up
    net.off = 0
    before = net.asked
    node.live(HOUR)
    assert 1 <= net.asked - before <= 2


def test_without_a_server_nobody_is_asked():
    net = Net(off=0)
    node = Node("").live(100)
    assert net.asked == 0 and node.ntp_left < 0
    clock.told(node, int(time.time()) + 100)  # the bridge of a serial line does
    assert node.about["clock"] == "was 100 s slow"
    clock.put(0, int(time.time()) - 100)


def test_why_nobody_tells_the_time_is_said_in_words():
    """As long as the clock is not set; with the server's name, and what to look at."""

    def said(net, seconds=20):
        node = Node()
        node.epoch = -int(time.time())
        node.unset = True
        node.ntp_left = 0
        return node.live(seconds).said[0]

    unknown = said(Net(look_up_ms=10))
    assert "ntp: pool.ntp.org is not known" in unknown and "Check the name" in unknown
    silent = said(Net())
    assert "ntp: pool.ntp.org does not answer" in silent and "port 123" in silent

    class Alone(Net):
        def socket(self, *more):
            raise OSError(118)

    cut_off = said(Alone())
    assert "ntp: pool.ntp.org cannot be reached" in cut_off and "118" in cut_off


def test_a_server_has_a_name_or_an_address_and_perhaps_a_port():
    for server, place in (
        ("pool.ntp.org", ("pool.ntp.org", 123)),
        ("10.0.0.1:1123", ("10.0.0.1", 1123)),
        ("fe80::1", ("fe80::1", 123)),
        ("[fe80::1]:1123", ("fe80::1", 1123)),
    ):
        net = Net(off=0)
        Node(server).live(10)
        assert net.place == place, server


def test_no_room_for_the_time_that_a_bridge_tells_ends_no_connection():
    """But where nobody has set the clock yet it ends the attempt, which is made again soon."""
    from node.network import serial

    def full(*_):
        raise MemoryError

    real_serial, serial.serial = serial.serial, lambda port, on_time: on_time
    real_told, clock.told = clock.told, full
    try:
        node = Node("")
        on_time = serial.dials(node, {"serial": "usb"})[0]
        for node.unset in (False, True):
            sys.modules["node.network.clock"] = sys.modules["node.network"].clock = clock
            try:
                on_time(1_795_218_370)
            except MemoryError:
                assert node.unset
            else:
                assert not node.unset
        assert len(node.said) == 1 and node.said[0].startswith("clock: ")
    finally:
        serial.serial, clock.told = real_serial, real_told
        sys.modules["node.network.clock"] = sys.modules["node.network"].clock = clock
