# The look at the health of a node, on a node of the test's own.
# heap: 128K
# port
from node.app import Node
from node.health import look as health
from node.health import why


class Link:
    """As much of a client as is looked at."""

    def __init__(self):
        self.up = True
        self.failures = self.connects = 0
        self.outbox = self


class Wlan:
    on = True

    def active(self, on):
        self.on = on


def node_at(uptime=100, restart=3600):
    node = Node("petrel/n/", 300, {}, False)
    node.client = Link()
    node.uptime = uptime
    node.restart = restart
    node.feed = print  # some watchdog
    return node


def looked(node, seconds, failing=True):
    """Let time pass, with a look every ten seconds."""
    for _ in range(seconds // 10):
        node.uptime += 10
        node.client.failures += failing
        health.look(node)
        if node.ended:
            break


def test_all_is_well():
    node = node_at()
    looked(node, 7200)
    assert not node.stuck and not node.ended and not node.drops


def test_wifi_is_left_alone_while_a_config_is_on_trial():
    for left in (90_000, 0):  # 0: it went back to the config before, which is yet to be told
        node = node_at(restart=0)
        node.wlan = Wlan()
        node.about["changed"] = left
        node.client.up = False
        looked(node, 400)
        assert node.wlan.on == bool(left), left


def test_wifi_is_switched_after_5_10_20_minutes_and_counted():
    node = node_at(restart=0)
    node.wlan = Wlan()
    looked(node, 100)
    node.client.up = False
    seen = []
    for _ in range(400):
        looked(node, 10)
        if not node.wlan.on:
            seen.append(node.uptime - 200)
            node.wlan.on = True
    assert seen == [310, 610, 1210, 2410], seen
    assert node.about["wifi_restarts"] == 4
    node.client.up = True
    looked(node, 10)
    node.client.up = False
    looked(node, 320)
    assert node.about["wifi_restarts"] == 5


def test_board_restarts_after_an_hour_then_after_two_and_says_why():
    for before, hours in ((0, 1), (1, 2), (9, 24)):
        node = node_at()
        node.about["restarts"] = before
        looked(node, 10)
        node.about["restarts"] = before
        node.client.up = False
        looked(node, 100 * 3600)
        assert node.ended == node.gave_up == "no connection for %d s" % (hours * 3600 + 10)


def test_never_where_the_config_says_so():
    node = node_at(restart=0)
    node.client.up = False
    looked(node, 100 * 3600)
    assert not node.ended


def test_connection_that_does_not_move_stops_the_feeding():
    node = node_at()
    node.client.up = False
    looked(node, 180, failing=False)
    assert not node.stuck
    looked(node, 20, failing=False)
    assert "connect" in node.stuck
    node.client.failures += 1
    looked(node, 10)
    assert not node.stuck


def test_without_a_watchdog_it_ends_itself_and_says_why():
    node = node_at()
    node.feed = int
    node.client.up = False
    looked(node, 300, failing=False)
    assert "connect" in node.ended and node.gave_up == node.ended


def test_why_says_exception_place_uptime_and_phase():
    node = node_at(uptime=77)
    node.phase = "light"
    try:
        {}["nothing"]
    except KeyError as error:
        text = why.text(error, node)
    assert text.startswith("KeyError: nothing; test_health")
    assert "line " in text and "after 77 s, at light" in text


def test_diagnostics_that_find_the_line_busy_are_sent_in_the_next_second():
    class Busy:
        """A client that is still writing a packet when something is posted."""

        up, again, durable, rejected, v5 = True, None, False, 0, None
        count = removed = refused = skipped = connects = 0
        busy, said = 2, 0

        def __init__(self):
            self.outbox = self

        def post(self, topic, payload, retain, qos):
            assert topic == "petrel/n/diagnostics"
            self.said += 1
            self.busy -= 1
            return None if self.busy >= 0 else -1

    node = node_at()
    node.uptime, node.ntp_left = 101, -1
    node.client = Busy()
    node.news = True
    for tries, again in ((1, True), (2, True), (3, False), (3, False)):
        node._each_second()
        assert (node.client.said, node.news) == (tries, again)
    node.client.up, node.client.busy, node.news = False, 9, True
    node._each_second()
    assert not node.news  # they are due when it connects
