"""The parts of the access point on the board: names, requests in pieces, forms, when it opens."""

import gc
import os

from node.provision import look, offer, turns
from node.provision.portal import answer
from node.provision.request import Request
from node.provision.routes import _form

HERE = bytes((192, 168, 4, 1))
HEAD = b"\x124\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
NAME = b"\x07captive\x05apple\x03com\x00"


class Stream:
    """A connection whose bytes come in these pieces."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    def recv(self, most):
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if len(piece) > most:
            self.pieces.insert(0, piece[most:])
        return piece[:most]


class Poller:
    """Stands in for select.poll()."""

    def register(self, *_):
        pass


def read(*pieces):
    """Return the request that these pieces are, None if it isn't complete."""
    stream = Stream(*pieces)
    request = Request(stream, Poller())
    while True:
        data = stream.recv(256)
        if not data:
            return None
        if request._take(data):
            return request


def bytewise(data):
    return read(*[data[i : i + 1] for i in range(len(data))])


def test_a_name_is_here_and_has_no_other_address():
    for kind, count in ((1, 1), (28, 0), (65, 0), (16, 0)):
        query = HEAD + NAME + bytes((0, kind, 0, 1))
        said = answer(query, HERE)
        assert said[:8] == b"\x124\x81\x80\x00\x01\x00" + bytes((count,)), said
        assert said[12 : len(query)] == query[12:]
        rest = said[len(query) :]
        assert rest == (b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04" + HERE) * count


def test_more_records_behind_the_question_are_left_out():
    query = HEAD[:11] + b"\x01" + NAME + b"\x00\x01\x00\x01"
    extra = b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"
    assert answer(query + extra, HERE) == answer(query, HERE)


def test_what_is_no_query_gets_no_answer():
    query = HEAD + NAME + b"\x00\x01\x00\x01"
    for wrong in (
        b"",
        HEAD,
        query[:-1],
        query[:2] + b"\x81\x80" + query[4:],  # an answer
        query[:4] + b"\x00\x02" + query[6:],  # two questions
        HEAD + b"\xc0\x0c" + b"\x00\x01\x00\x01",  # a name that points elsewhere
        HEAD + b"\x3f" + NAME,
    ):
        assert answer(wrong, HERE) is None, wrong
    for _ in range(3000):
        answer(os.urandom(os.urandom(1)[0]), HERE)
        answer(HEAD + os.urandom(os.urandom(1)[0] >> 3), HERE)


def test_a_request_whole_and_byte_by_byte():
    form = b"ssid=home&password=p"
    text = b"POST /join HTTP/1.1\r\nHost: x\r\ncontent-length: 20\r\n\r\n" + form
    for request in (read(text), bytewise(text), read(text[:60], text[60:] + b"more")):
        assert request.first == b"POST /join HTTP/1.1"
        assert request.body == form
        assert not request.wrong
    assert read(text[:-1]) is None
    assert bytewise(b"\r\n\nGET / HTTP/1.0\n\n").first == b"GET / HTTP/1.0"


def test_of_a_long_request_little_is_kept():
    gc.collect()
    long = [b"Cookie: " + b"c" * 248] + [b"c" * 256] * 78
    request = read(b"GET / HTTP/1.1\r\n", *(long + [b"\r\n\r\n"]))
    assert request.first == b"GET / HTTP/1.1"
    request = read(b"GET /" + b"p" * 250, *([b"p" * 256] * 78 + [b"\r\n\r\n"]))
    assert len(request.first) == 80
    head = b"POST /join HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
    request = read(head % (256 * 80), *([b"s" * 256] * 80))
    assert request.wrong
    assert not request.body
    for length in (b"-1", b"x", b"", b"1e3", b"9" * 30):
        assert read(head.replace(b"%d", length)).wrong, length


def test_a_form_in_utf_8():
    assert _form(b"a=1&b=p%2b%26+%C3%A4&c=&d") == {"a": "1", "b": "p+& \u00e4", "c": "", "d": ""}
    assert _form(b"ssid=" + b"%C3%A4" * 16) == {"ssid": "\u00e4" * 16}
    for wrong in (b"a=%", b"a=%4", b"a=%zz", b"a=%ff", b"\xff=1", b"a=\xfe"):
        try:
            found = _form(wrong)
        except ValueError:
            continue
        assert wrong == b"a=%4", (wrong, found)


def test_noise_raises_nothing_but_a_value_error_and_keeps_no_memory():
    before = 0
    for number in range(600):
        noise = os.urandom(200)
        try:
            read(noise[:100], noise[100:], b"\n\n")
            _form(noise)
        except ValueError:
            pass
        if number == 50:
            gc.collect()
            before = gc.mem_alloc()
    gc.collect()
    assert gc.mem_alloc() - before <= 512, gc.mem_alloc() - before


class Wlan:
    """A station interface."""

    joined = False

    def isconnected(self):
        return self.joined


class Node:
    """What node.provision.look looks at."""

    def __init__(self, reset="pwron", offer=-1, **config):
        self.wifi = ["home", None]
        self.wlan = Wlan()
        self.ended = None
        self.offer = offer
        self.about = {"reset": reset}
        if config:
            look.begin(self, config)


def forget():
    try:
        os.remove("wifi")
    except OSError:
        pass


def test_what_was_never_joined_opens_after_a_minute():
    forget()
    node = Node()
    look.look(node, 59)
    assert not node.ended
    look.look(node, 60)
    assert node.ended == 'provision: Wi-Fi "home" never joined'


def test_what_was_joined_once_is_waited_for():
    forget()
    node = Node()
    node.wlan.joined = True
    look.look(node, 0)
    assert node.offer == 0
    node = Node()
    look.look(node, 90_000)
    assert node.offer == 0
    assert not node.ended
    node = Node(provision={"after": 600})
    look.look(node, 599)
    assert not node.ended
    look.look(node, 600)
    assert node.ended == 'provision: Wi-Fi "home" not joined for 600 s'
    node = Node()
    node.wifi = ["home", "another password"]
    look.look(node, 60)
    assert node.ended
    forget()


def test_it_stays_closed_while_a_config_is_on_trial():
    forget()
    for node in (Node(), Node(provision={"after": 600})):
        node.about["changed"] = 300
        look.look(node, 90_000)
        assert not node.ended
        node.about["changed"] = 0  # it went back to the config before
        look.look(node, 90_000)
        assert node.ended == 'provision: Wi-Fi "home" never joined'


def test_when_it_never_opens():
    for node in (
        Node(provision=False),
        Node(offer=0),  # it was open just now
        Node("hard", provision={"window": 300}),
        Node(offer=0, provision={"after": 600}),
    ):
        assert node.offer == 0
    assert Node("soft", provision={"window": 300}).offer == -1


class Evening:
    """A board with its access point open, whose seconds take none. Times are s since the start.

    tries: when it tried the Wi-Fi of its config; closed: when the access point was closed
    used: when someone used the page; ends: when a person presses Ctrl-C
    """

    def __init__(self, ssid=None, used=(), ends=7200):
        self.ms = 0
        self.tries = []
        self.closed = None
        self.used = list(used)
        self.ends = ends
        self.offered = None
        wifi = {"ssid": ssid} if ssid else {}
        before = offer.call, offer.sleep_ms, offer.ticks_ms, turns.call
        offer.call = turns.call = self.call
        offer.sleep_ms, offer.ticks_ms = self.sleep_ms, self.ticks_ms
        try:
            offer.offer({"node": "n1", "wifi": wifi, "mqtt": {}}, 600)
            self.ended = self.now()
        except KeyboardInterrupt:
            self.ended = None
        finally:
            offer.call, offer.sleep_ms, offer.ticks_ms, turns.call = before

    def now(self):
        return self.ms // 1000

    def ticks_ms(self):
        return self.ms

    def sleep_ms(self, ms):
        self.ms += 1000
        if self.used and self.now() >= self.used[0]:
            self.used.pop(0)
            turns.used(self.offered)
        if self.now() >= self.ends:
            raise KeyboardInterrupt

    def call(self, folder, module, function, *args):
        if module == "turns":
            self.offered = args[0]
            return getattr(turns, function)(*args)
        if module == "opening":
            args[0].portal = self
        else:
            assert (module, function, args[1][0]) == ("join", "begin", "home")
            self.tries.append(self.now())

    def step(self):
        pass

    def close(self):
        self.closed = self.now()


def near(times, wanted):
    return len(times) == len(wanted) and all(abs(a - b) <= 3 for a, b in zip(times, wanted))


def test_the_access_point_closes_after_ten_minutes_and_the_line_stays():
    evening = Evening()
    assert near([evening.closed], [600]), evening.closed
    assert evening.ended is None, "it still listens when a person ends it"
    assert not evening.tries


def test_a_known_wifi_is_tried_after_five_minutes_and_the_node_starts_after_ten():
    evening = Evening("home")
    assert near(evening.tries, [300]), evening.tries
    assert near([evening.closed, evening.ended], [600, 600]), evening.closed


def test_someone_who_uses_the_page_keeps_it_open_and_is_not_cut_off_by_a_try():
    evening = Evening("home", used=range(60, 1201, 60))
    assert near(evening.tries, [1500]), evening.tries
    assert near([evening.closed, evening.ended], [1800, 1800]), evening.closed
    evening = Evening(used=(599,))
    assert near([evening.closed], [1199]), evening.closed
