"""What keeps the Wi-Fi away is said in words within 5 s, on every port; the attempts go on."""
# heap: 64K

import sys

from node.overlay import call

ESP32 = {
    "STAT_IDLE": 1000, "STAT_CONNECTING": 1001, "STAT_GOT_IP": 1010, "STAT_NO_AP_FOUND": 201,
    "STAT_WRONG_PASSWORD": 202, "STAT_BEACON_TIMEOUT": 200, "STAT_ASSOC_FAIL": 203,
    "STAT_HANDSHAKE_TIMEOUT": 204,
}  # fmt: skip
ESP8266 = {
    "STAT_IDLE": 0, "STAT_CONNECTING": 1, "STAT_WRONG_PASSWORD": 2, "STAT_NO_AP_FOUND": 3,
    "STAT_CONNECT_FAIL": 4, "STAT_GOT_IP": 5,
}  # fmt: skip
PICO_W = {
    "STAT_IDLE": 0, "STAT_CONNECTING": 1, "STAT_WRONG_PASSWORD": -3, "STAT_NO_AP_FOUND": -2,
    "STAT_CONNECT_FAIL": -1, "STAT_GOT_IP": 3,
}  # fmt: skip


class Network:
    """A port's module `network`, whose only interface is the test's."""

    STA_IF = 0

    def __init__(self, codes, wlan):
        for name in codes:
            setattr(self, name, codes[name])
        self.wlan = wlan

    def WLAN(self, _):  # noqa: N802  # as MicroPython has it
        return self.wlan

    def hostname(self, name):
        pass

    PHY_LAN8720 = 1

    def LAN(self, **pins):  # noqa: N802
        return self.wlan.made()


class Wlan:
    """A station whose status the test sets."""

    def __init__(self, status, rssi=None, error=None):
        self.said = status
        self.rssi = rssi
        self.error = error  # raised by active(True)
        self.joins = 0
        self.tried = []
        self.on = False

    def active(self, on):
        if on and self.error:
            raise self.error
        self.on = on

    def config(self, **options):
        pass

    def connect(self, ssid, password):
        assert self.on
        self.joins += 1
        self.tried.append(ssid)

    def disconnect(self):
        pass

    def isconnected(self):
        return False

    def status(self, what=None):
        if what is None:
            return self.said
        if self.rssi is None:
            raise OSError("not connected")
        return self.rssi


class Lan:
    """Ethernet whose chip and cable are the test's."""

    def __init__(self):
        self.error = None
        self.tries = 0
        self.on = False

    def made(self):
        self.tries += 1
        if self.error:
            raise self.error
        return self

    def active(self, on):
        self.on = on

    def isconnected(self):
        return False

    def status(self):
        return 0


class Node:
    """As much of a node as looks after its Wi-Fi."""

    def __init__(self, codes, wlan):
        sys.modules["network"] = Network(codes, wlan)
        self.said = []
        self.client = self
        self.connects = 0
        self.about = {}
        self.of = "wifi"
        call("network", "wifi", "begin", self, "home", "a password", "n1")

    def failed(self, name, error):
        assert name == self.of
        self.said.append(str(error))

    def live(self, seconds):
        for _ in range(seconds):
            call("network", "wifi", "step", self)
        return self


NOT_FOUND = 'Wi-Fi "home" not found. Check the name and that it is a 2.4 GHz network.'


def test_the_reason_in_words_within_five_seconds():
    for codes, status, rssi, wanted in (
        (ESP32, 201, None, NOT_FOUND),
        (ESP8266, 3, 31, NOT_FOUND),
        (PICO_W, -2, None, NOT_FOUND),
        (ESP32, 202, None, 'Wi-Fi "home" refused the password.'),
        (ESP32, 15, None, 'Wi-Fi "home" refused the password.'),
        (ESP32, 204, None, 'Wi-Fi "home" refused the password.'),
        (ESP8266, 2, 31, 'Wi-Fi "home" refused the password.'),
        (PICO_W, -3, None, 'Wi-Fi "home" refused the password.'),
        (ESP32, 203, None, 'Wi-Fi "home" does not let this board in (status 203).'),
        (ESP32, 2, None, 'Wi-Fi "home" does not let this board in (status 2).'),
        (ESP8266, 4, 31, 'Wi-Fi "home" does not let this board in (status 4).'),
        (PICO_W, -1, None, 'Wi-Fi "home" does not let this board in (status -1).'),
        (ESP32, 211, None, 'Wi-Fi "home" wants a security that this board lacks.'),
        (ESP32, 200, None, 'Wi-Fi "home" is too weak here.'),
        (ESP32, 1001, -60, 'Wi-Fi "home" joined, but it gives no address.'),
        (ESP8266, 1, -60, 'Wi-Fi "home" joined, but it gives no address.'),
        (PICO_W, 2, None, 'Wi-Fi "home" joined, but it gives no address.'),
        (ESP32, 1001, None, 'Wi-Fi "home" does not answer yet (status 1001).'),
        (ESP8266, 1, 31, 'Wi-Fi "home" does not answer yet (status 1).'),
        (PICO_W, 1, None, 'Wi-Fi "home" does not answer yet (status 1).'),
    ):  # fmt: skip
        node = Node(codes, Wlan(status, rssi)).live(5)
        assert len(node.said) == 1 and node.said[0].startswith(wanted), (status, node.said)
        node.live(60)
        assert len(node.said) == 1, node.said  # not again and again
        assert "a password" not in node.said[0]


def test_a_join_that_takes_its_time_is_no_failure():
    wlan = Wlan(1001)
    node = Node(ESP32, wlan).live(4)
    assert node.said == [] and wlan.joins == 1


def test_a_network_that_is_not_found_is_looked_for_again_at_once():
    wlan = Wlan(201)
    Node(ESP32, wlan).live(300)
    assert wlan.joins >= 75
    for codes, status in ((ESP8266, 3), (PICO_W, -2)):
        wlan = Wlan(status, 31)
        Node(codes, wlan).live(300)
        assert 25 <= wlan.joins <= 60  # a scan is not cut off


def test_a_password_that_is_refused_is_tried_ever_more_rarely():
    wlan = Wlan(202)
    Node(ESP32, wlan).live(600)
    assert 8 <= wlan.joins <= 16


def test_a_radio_that_does_not_start_is_tried_for_ever():
    for error in (OSError("WiFi Out of Memory"), RuntimeError("Wifi Unknown Error 0x0101"),
                  MemoryError(), ValueError("x"), TypeError("x")):  # fmt: skip
        wlan = Wlan(201, error=error)
        node = Node(ESP32, wlan).live(100)
        assert len(node.said) == 1 and "the radio fails" in node.said[0]
        assert (str(error) or "MemoryError") in node.said[0]
        wlan.error = None
        node.live(70)
        assert wlan.joins > 1
        assert "not found" in node.said[1]


NAMES = ("a", "b", "c")


def several(status):
    """A node with three networks, and its station."""
    wlan = Wlan(status)
    node = Node(ESP32, wlan)
    call("network", "several", "begin", node, [{"ssid": name} for name in NAMES], "n1")
    return node, wlan


def test_several_networks_are_tried_in_their_order_without_a_pause():
    node, wlan = several(201)
    node.live(12)
    assert wlan.tried == ["a", "b", "c", "a", "b", "c"], wlan.tried
    assert len(node.said) == 3, node.said
    for name, said in zip(NAMES, node.said):
        assert said.startswith('Wi-Fi "%s" not found' % name), said
    node.connects += 1  # it was connected: what fails from now on is news
    node.live(12)
    assert len(node.said) > 3


def test_several_networks_that_refuse_are_tried_in_rounds_ever_more_rarely():
    node, wlan = several(202)
    node.live(600)
    assert 30 <= wlan.joins <= 45
    counts = [wlan.tried.count(name) for name in NAMES]
    assert max(counts) - min(counts) <= 1, counts
    assert len(node.said) == 3, node.said
    node.connects += 1
    before = wlan.joins
    node.live(63)  # at most one long pause, and then short ones
    assert wlan.joins >= before + 3


def test_a_radio_that_fails_is_tried_for_ever_with_several_networks():
    node, wlan = several(201)
    wlan.error = OSError("WiFi Out of Memory")
    node.live(100)
    assert len(node.said) == 3 and not wlan.joins  # once for each
    wlan.error = None
    node.live(70)
    assert wlan.joins > 1


def wired():
    """A node on Ethernet, and its chip."""
    lan = Lan()
    node = Node(ESP32, lan)
    node.of = "ethernet"
    call("network", "wired", "begin", node, {"phy": "LAN8720"}, "n1")
    return node, lan


def test_ethernet_without_a_link_is_told_once_for_each_time_that_it_is_lost():
    node, lan = wired()
    node.live(5)
    assert node.said == [] and lan.on
    node.live(1)
    assert len(node.said) == 1 and node.said[0].startswith("no link. Check the cable")
    node.live(100)
    assert len(node.said) == 1 and lan.tries == 1
    node.connects += 1
    node.live(10)
    assert len(node.said) == 2


def test_a_chip_that_does_not_answer_is_tried_ever_more_rarely_and_for_ever():
    node, lan = wired()
    lan.error = OSError("phy")
    node.live(600)
    assert 8 <= lan.tries <= 16
    assert len(node.said) == 1 and node.said[0].startswith("the chip does not answer (phy)")
    lan.error = None
    node.live(62)
    assert lan.on
    call("network", "wifi", "switch", node)
    assert not lan.on
    node.live(1)
    assert lan.on
