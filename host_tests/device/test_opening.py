# heap: 256K
"""How a connection opens and ends: addresses, deadlines, and what is left of the one before."""

import io

from slow import Far, clock, publish
from wire import raises

from mqtt import transport
from mqtt.link import Link
from mqtt.simple import MQTTClient

CONNECT_MS = 10_000  # the default
IN_PROGRESS, UNREACHABLE, REFUSED = 115, 101, 111
POLLOUT, POLLERR = 4, 8


class Socket(Far):
    """A socket; what its address does is in `does`: "opens", "hangs", "refuses" or "fails"."""

    does: dict = {}
    made: list = []

    def setblocking(self, _):
        pass

    def connect(self, address):
        self.made.append(address)
        self.how = self.does[address]
        raise OSError(UNREACHABLE if self.how == "fails" else IN_PROGRESS)

    def write(self, data, at, n):
        if self.how == "refuses":
            raise OSError(REFUSED)
        return super().write(data, at, n)

    def ioctl(self, request, flags):
        ready = super().ioctl(request, flags)
        if request == 3:
            return {"opens": ready, "hangs": 0, "refuses": flags & POLLOUT | POLLERR}[self.how]
        return ready


class Network:
    """The module socket, with one name."""

    SOCK_STREAM = 1

    def __init__(self, **does):
        Socket.does = does
        Socket.made.clear()
        self.looked_up = 0

    def getaddrinfo(self, *_):
        self.looked_up += 1
        return [(2, 1, 0, "", address) for address in sorted(Socket.does)]

    def socket(self, *_):
        return Socket()


def network(**does):
    transport.socket = made = Network(**does)
    clock.sleep(100)
    return made


def connect(client, ms):
    """Let time pass until a link is up; returns whether it came to that."""
    until = clock.now + ms
    while not client.up and clock.now < until:
        client.step()
        clock.sleep_ms(20)
    return client.up


def link(**options):
    lost = []
    return Link("name", "id", on_lost=lost.append, backoff_ms=(1, 2), **options), lost


# --- the addresses of a name


def test_the_next_address_is_tried_at_once_where_there_is_no_way_to_the_first():
    network(a="fails", b="fails", c="opens")
    client, lost = link()
    assert connect(client, 100)
    assert Socket.made == ["a", "b", "c"] and not lost


def test_the_next_address_is_tried_at_once_where_the_first_refuses():
    network(a="refuses", b="opens")
    client, lost = link()
    assert connect(client, 200)
    assert Socket.made == ["a", "b"] and not lost


def test_an_address_that_does_not_answer_has_its_share_of_the_time():
    network(a="hangs", b="opens")
    client, lost = link()
    assert not connect(client, CONNECT_MS // 2 - 500)
    assert connect(client, 1000)
    assert Socket.made == ["a", "b"] and not lost


def test_an_attempt_ends_in_time_whatever_the_number_of_addresses():
    network(a="hangs", b="hangs", c="hangs")
    client, lost = link()
    began = clock.now
    while not lost:
        client.step()
        clock.sleep_ms(20)
    assert CONNECT_MS <= clock.now - began < CONNECT_MS + 200
    assert Socket.made == ["a", "b", "c"]


def test_the_blocking_client_tries_them_within_one_connect():
    network(a="refuses", b="fails", c="opens")
    client = MQTTClient("id", "name")
    client.connect()
    assert Socket.made == ["a", "b", "c"]


def test_where_none_answers_the_blocking_client_says_so():
    network(a="refuses", b="refuses")
    client = MQTTClient("id", "name")
    raises(OSError, client.connect)
    assert Socket.made == ["a", "b"]


def test_an_address_that_served_long_is_used_again():
    known = network(a="fails", b="opens")
    client, _ = link()
    assert connect(client, 100)
    clock.sleep(100)
    client.hang_up()
    assert connect(client, 100)
    assert Socket.made == ["a", "b", "b"] and known.looked_up == 1


def test_an_attempt_that_fails_later_leaves_the_next_to_the_next_address():
    network(a="opens", b="opens")
    client, lost = link()
    client.step()
    client.step()
    client.failed(OSError("no CONNACK, say"))
    assert connect(client, 100)
    assert Socket.made == ["a", "b"]


# --- how long it may take


def test_the_clock_may_tick_while_an_attempt_begins():
    network(a="hangs")
    client, lost = link()
    client.ready = lambda: clock.sleep_ms(1) is None
    client.step()
    assert client.opening and not lost


def test_a_refusal_that_is_seen_late_is_told_as_a_refusal():
    network(a="hangs")
    client, lost = link()
    client.step()
    clock.sleep_ms(CONNECT_MS + 1)  # nobody looked
    client.stream.how = "refuses"
    client.step()
    assert [error.errno for error in lost] == [REFUSED]


def test_connack_may_take_as_long_as_the_connection_may():
    far = Far(silent=("CONNECT",))
    client = Link(lambda: far, "id")
    began = clock.now
    while clock.now - began < CONNECT_MS - 100:
        client.step()
        clock.sleep_ms(20)
    far.rx = far.connack
    assert connect(client, 50)


def test_without_connack_the_attempt_ends():
    lost = []
    client = Link(lambda: Far(silent=("CONNECT",)), "id", on_lost=lost.append)
    began = clock.now
    while not lost:
        client.step()
        clock.sleep_ms(20)
    assert "CONNACK" in str(lost[0]) and CONNECT_MS <= clock.now - began < CONNECT_MS + 200


def test_a_dialler_may_ask_for_more_time_and_the_program_decides():
    class Slow:
        connect_ms = 30_000

        def __call__(self):
            return Far(silent=("CONNECT",))

    for own, wanted in ((0, 30_000), (2000, 2000), (50_000, 50_000)):
        lost = []
        client = Link(Slow(), "id", on_lost=lost.append)
        client.answer_ms = 1000
        client.connect_ms = own
        began = clock.now
        while not lost:
            client.step()
            clock.sleep_ms(20)
        assert wanted <= clock.now - began < wanted + 200, (wanted, clock.now - began)


def test_a_stream_that_does_not_take_connect_is_given_up_in_time():
    lost = []
    client = Link(lambda: Far(takes=0), "id", on_lost=lost.append)
    began = clock.now
    while not lost:
        client.step()
        clock.sleep_ms(20)
    assert CONNECT_MS <= clock.now - began < CONNECT_MS + 200


def test_an_answer_that_takes_5_s_is_awaited_where_the_limits_say_so():
    far = Far()
    far.latency = 5000
    client = Link(lambda: far, "id", keepalive=10)
    client.answer_ms = client.connect_ms = 15_000
    assert connect(client, 6000)
    number = client.post("t", b"x")
    for _ in range(1500):
        client.step()
        clock.sleep_ms(20)
    assert client.outbox.removed > number and far.names().count("PUBLISH") == 1
    assert client.failures == 0 and "PINGREQ" in far.names()


# --- what a connection leaves to the next


def test_a_reply_never_outlives_its_connection():
    fars = []

    def dial():
        fars.append(Far())
        return fars[-1]

    def breaks(*_):
        if len(fars) == 1:
            fars[0].fails = 104
        client.post("reply", b"done", False, 0)

    for message in (publish(b"t", b"x", 7), b"\x34\x06\0\1t\0\7x"):
        fars.clear()
        client = Link(dial, "id", on_message=breaks, backoff_ms=(1, 2))
        connect(client, 100)
        fars[0].rx = message
        for _ in range(20):
            client.step()
            clock.sleep_ms(20)
        assert fars[1].names() == ["CONNECT"], fars[1].names()


def test_nor_where_the_callback_hangs_up():
    fars = []

    def dial():
        fars.append(Far())
        return fars[-1]

    client = MQTTClient("id", "", dial=dial)
    client.set_callback(lambda *_: client.disconnect())
    client.connect()
    fars[0].rx = publish(b"t", b"x", 7)
    client.wait_msg()
    client.connect()
    client.ping()
    assert fars[1].names() == ["CONNECT", "PINGREQ"]


# --- the goodbye


def test_the_goodbye_leaves_behind_what_was_leaving():
    far = Far()
    client = Link(lambda: far, "id")
    connect(client, 100)
    far.takes, far.every = 100, 50
    client.post("t", b"x" * 1000)
    assert client.close()
    assert far.names() == ["CONNECT", "PUBLISH", "DISCONNECT"] and far.closed


def test_close_says_that_the_goodbye_did_not_leave():
    for stuck in (0, 1):
        far = Far()
        client = Link(lambda far=far: far, "id")
        connect(client, 100)
        far.takes = 0
        if stuck:
            client.post("t", b"x" * 1000)
        client.answer_ms = 100
        assert not client.close()
        assert "DISCONNECT" not in far.names() and far.closed
    far = Far()
    client = Link(lambda: far, "id")
    assert not client.close()


def test_nothing_follows_the_goodbye():
    far = Far()
    client = Link(lambda: far, "id", window=1)
    connect(client, 100)
    client.post("t", b"1")
    client.post("t", b"2")
    client.ping_due = True
    assert client.close()
    assert far.names()[-1] == "DISCONNECT"


# --- a sink for a large message


class Sink(io.IOBase):
    """Knows how it ended."""

    def __init__(self):
        self.ends = []

    def write(self, piece):
        if self.ends is None:
            raise OSError(28)

    def close(self):
        self.ends.append("closed")

    def abort(self):
        self.ends.append("aborted")


def test_a_sink_learns_whether_it_got_everything():
    for cut, ends in ((0, ["closed"]), (200, ["aborted"])):
        far = Far()
        sink = Sink()
        client = Link(lambda far=far: far, "id", buffer=64, on_large=lambda *_, sink=sink: sink)
        connect(client, 100)
        whole = publish(b"t", b"x" * 500)
        far.rx = whole[: len(whole) - cut]
        for _ in range(20):
            client.step()
        client.hang_up()
        assert sink.ends == ends, sink.ends


def test_a_sink_without_abort_is_closed():
    class Plain:
        closed = 0

        def write(self, piece):
            pass

        def close(self):
            self.closed += 1

    far = Far()
    sink = Plain()
    client = Link(lambda: far, "id", buffer=64, on_large=lambda *_: sink)
    connect(client, 100)
    far.rx = publish(b"t", b"x" * 500)[:300]
    for _ in range(20):
        client.step()
    client.hang_up()
    assert sink.closed == 1


def test_a_sink_that_fails_is_aborted():
    class Full(Sink):
        def write(self, piece):
            raise OSError(28)

    far = Far()
    sink = Full()
    client = Link(lambda: far, "id", buffer=64, on_large=lambda *_: sink)
    connect(client, 100)
    far.rx = publish(b"t", b"x" * 500)
    for _ in range(20):
        client.step()
    client.hang_up()
    assert sink.ends == ["aborted"]


def test_a_connection_that_does_not_open_is_given_up_when_the_program_says():
    network(a="hangs")
    client = MQTTClient("id", "name")
    client.connect_ms = 50
    raises(OSError, client.connect)
