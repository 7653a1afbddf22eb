"""Improv on the board: packets in, packets out, whatever else is on the line."""

import gc
import os

from node.provision import packets
from node.provision.improv import Improv

HEAD = b"IMPROV\x01"


def packet(kind, data, wrong=0):
    body = HEAD + bytes((kind, len(data))) + data
    return body + bytes((sum(body) + wrong & 255,))


def command(number, data=b""):
    return packet(3, bytes((number, len(data))) + data)


def settings(ssid, password):
    return command(1, bytes((len(ssid),)) + ssid + bytes((len(password),)) + password)


class Line:
    """A line into the board."""

    def __init__(self):
        self.improv = Improv()

    def feed(self, data):
        """Return the commands that these bytes are; -1 for a malformed one."""
        found = []
        for byte in data:
            got = self.improv.feed(byte)
            if got:
                found.append(got)
        return found

    def settings(self):
        return packets.settings(self.improv.packet)


class Out:
    """Stands in for sys.stdout."""

    def __init__(self):
        self.buffer = self
        self.sent = b""

    def write(self, data):
        self.sent += data


class Sys:
    """Stands in for sys, as far as packets are written to it."""

    def __init__(self):
        self.stdout = Out()


def sent(function, *arguments):
    """Return what a function writes."""
    packets.sys = Sys()
    function(*arguments)
    return packets.sys.stdout.sent


def test_a_command_is_found():
    assert Line().feed(command(2)) == [2]


def test_between_log_lines_boot_noise_and_ends_of_lines():
    line = Line()
    noise = b"ets Jun  8 2016 00:22:57\r\nIMPROVed \xff\x00IMIMPROV\x02I\nIIMPRO"
    assert line.feed(noise + command(3) + b"\n" + noise + command(4) + b"\n") == [3, 4]


def test_name_and_password():
    line = Line()
    ssid, password = "caf\u00e9 \u2615".encode(), b"p" * 64
    assert line.feed(settings(ssid, password)) == [1]
    assert line.settings() == [str(ssid, "utf-8"), "p" * 64]
    assert line.feed(settings(b"s" * 32, b"")) == [1]
    assert line.settings() == ["s" * 32, ""]


def test_settings_that_are_cut_short_or_no_text_are_refused():
    for data in (b"", b"\x05home", b"\x04home", b"\x04home\x09secret", b"\x02\xff\xfe\x00"):
        line = Line()
        assert line.feed(command(1, data)) == [1], data
        try:
            raise AssertionError(line.settings())
        except ValueError:
            pass


def test_a_wrong_checksum_or_length_is_refused():
    for wrong in (
        packet(3, b"\x02\x00", 1),
        packet(3, b""),
        packet(3, b"\x02"),
        packet(3, b"\x02\x01"),
        HEAD + b"\x03\xff",
    ):
        line = Line()
        assert line.feed(wrong) == [-1], wrong
        assert line.feed(command(2)) == [2]


def test_what_the_board_sends_itself_is_no_command():
    line = Line()
    for data in (sent(packets.state, 2), sent(packets.result, 4, "home", "-50", "YES")):
        assert line.feed(data) == []
    assert line.feed(command(2)) == [2]


def test_answers():
    body = b"\x05h\xc3\xb6me\x03-50\x03YES"
    expected = b"\n" + packet(4, bytes((4, len(body))) + body) + b"\n"
    assert sent(packets.result, 4, "h\u00f6me", "-50", "YES") == expected
    assert sent(packets.error, 3) == b"\n" + packet(2, b"\x03") + b"\n"


def test_100_000_random_bytes_do_no_harm_and_keep_no_memory():
    line = Line()
    before = 0
    for _ in range(1001):
        for byte in os.urandom(100):
            line.improv.feed(byte)
        if not before:
            gc.collect()
            before = gc.mem_alloc()
    gc.collect()
    assert gc.mem_alloc() - before <= 32, gc.mem_alloc() - before
    line.improv.held = 0  # a silence
    assert line.feed(command(2)) == [2]


def test_noise_that_looks_like_packets_neither():
    line = Line()
    for _ in range(500):
        noise = os.urandom(20)
        line.feed(HEAD[: noise[0] % 8] + noise + HEAD + b"\x03" + noise)
        try:
            line.settings()
        except ValueError:
            pass
        line.improv.held = 0
        assert line.feed(command(2)) == [2]
