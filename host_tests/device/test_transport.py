# heap: 128K
"""The look-up of the broker's name, which blocks: when it is made, and what serves without it."""

from time import ticks_add

from mqtt import transport

MINUTE_MS = 60_000


class Socket:
    """The module socket; each look-up gives another address, or fails."""

    SOCK_STREAM = 1

    def __init__(self):
        self.looked_up = 0
        self.works = True
        self.connected = []

    def getaddrinfo(self, host, port, family, kind):
        self.looked_up += 1
        if not self.works:
            raise OSError(-2)
        return [(2, 1, 0, "", (host, self.looked_up))]

    def socket(self, *_):
        return self

    def setblocking(self, _):
        pass

    def connect(self, address):
        self.connected.append(address)


class Clock:
    now = ticks_add(0, -30_000)  # it wraps on the way

    def ticks_ms(self):
        return self.now

    def after(self, ms):
        self.now = ticks_add(self.now, ms)


def begin():
    socket = transport.socket = Socket()
    clock = Clock()
    transport.ticks_ms = clock.ticks_ms
    return socket, clock, transport.tcp("broker")


# fault: dns
def test_after_a_connection_that_lasted_the_address_is_used_again():
    socket, clock, dial = begin()
    dial()
    clock.after(MINUTE_MS)
    dial()
    assert socket.looked_up == 1
    assert socket.connected == [("broker", 1), ("broker", 1)]


# fault: dns
def test_after_one_that_did_not_the_name_is_looked_up_again():
    socket, clock, dial = begin()
    dial()
    clock.after(MINUTE_MS - 1)
    dial()
    clock.after(MINUTE_MS)
    dial()
    clock.after(20)
    dial()
    assert socket.connected == [("broker", 1), ("broker", 2), ("broker", 2), ("broker", 3)]


# fault: dns
def test_the_last_address_serves_while_the_look_up_fails():
    socket, clock, dial = begin()
    dial()
    socket.works = False
    for _ in range(3):
        clock.after(1000)
        dial()
    assert (socket.looked_up, socket.connected) == (4, [("broker", 1)] * 4)


# fault: dns
def test_without_an_address_the_failure_is_told():
    socket, _, dial = begin()
    socket.works = False
    try:
        dial()
        raise AssertionError
    except OSError as error:
        assert error.errno == -2
    socket.works = True
    dial()
    assert socket.connected == [("broker", 2)]
