"""CONNECT, the keep alive and DISCONNECT: what MQTT 3.1.1 demands, seen from the far end."""

from __future__ import annotations

import itertools

import pytest

from host_tests.conformance.conftest import QUICK, Client
from host_tests.conformance.far import FarEnd
from host_tests.conformance.wire import (
    CONNACK,
    CONNECT,
    DISCONNECT,
    PINGREQ,
    PUBLISH,
    fields,
    packet,
)


def test_connect_comes_first_and_once(client: Client, far: FarEnd) -> None:
    """[MQTT-3.1.0-1], [MQTT-3.1.0-2]"""
    client.up(clean=False)
    for count in (2, 3):
        far.cut()
        if client.kind == "blocking":
            client.pump_until_end()
        client.wait_reconnect(count)
        client.publish("t", "x", 1)
    assert len(far.meetings) == 3
    for meeting in far.meetings:
        kinds = [each.kind for each in meeting.packets]
        assert kinds[0] == CONNECT and kinds.count(CONNECT) == 1


WILLS = [None, *((qos, retain) for qos in (0, 1, 2) for retain in (False, True))]


@pytest.mark.parametrize("will", WILLS, ids=str)
def test_flags_and_fields_of_a_will_agree(
    client: Client, far: FarEnd, will: tuple[int, bool] | None
) -> None:
    """[MQTT-3.1.2-9], [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-14], [MQTT-3.1.2-15],
    [MQTT-3.1.3-1], [MQTT-3.1.3-10]"""
    topic, payload = "wïll/€", "gone"
    client.up(will=will and (topic, payload, *will))
    (connect,) = far.wait(CONNECT)
    flags = 2
    found = [b"petrel"]
    if will:
        flags |= 4 | will[0] << 3 | will[1] << 5
        found += [topic.encode(), payload.encode()]
    assert connect.body[:7] == b"\0\x04MQTT%c" % far.version
    assert connect.body[7] == flags
    assert fields(connect.body[10:]) == found


def test_a_will_of_qos_3_is_refused(client: Client, far: FarEnd) -> None:
    """[MQTT-3.1.2-14]"""
    assert client.refused(will=("t", "", 3, False)).name == "ValueError"
    assert not far.packets


@pytest.mark.parametrize(
    ("user", "password"), list(itertools.product((None, "", "üser"), (None, "", "pässword")))
)
def test_flags_and_fields_of_a_login_agree(
    client: Client, far: FarEnd, user: str | None, password: str | None
) -> None:
    """[MQTT-3.1.2-18], [MQTT-3.1.2-19], [MQTT-3.1.2-20], [MQTT-3.1.2-21], [MQTT-3.1.2-22],
    [MQTT-3.1.3-11], [MQTT-3.1.3-1]"""
    if user is None and password is not None:
        assert client.refused(user=user, password=password).name == "ValueError"
        assert not far.packets
        return
    client.up(user=user, password=password)
    (connect,) = far.wait(CONNECT)
    assert connect.body[7] == 2 | (user is not None) << 7 | (password is not None) << 6
    given = [text.encode() for text in (user, password) if text is not None]
    assert fields(connect.body[10:]) == [b"petrel", *given]


@pytest.mark.parametrize("name", ["petrel", "näme", "a" * 100, ""])
def test_the_client_id_is_first_and_stays(client: Client, far: FarEnd, name: str) -> None:
    """[MQTT-3.1.3-2], [MQTT-3.1.3-3], [MQTT-3.1.3-4]"""
    client.up(client_id=name)
    far.cut()
    if client.kind == "blocking":
        client.pump_until_end()
    client.wait_reconnect(2)
    first, other = (far.wait(CONNECT, meeting=number)[0] for number in (0, 1))
    assert first.body == other.body
    assert fields(first.body[10:])[0] == name.encode()


def test_an_empty_client_id_needs_a_clean_session(client4: Client, far: FarEnd) -> None:
    """[MQTT-3.1.3-7]"""
    assert client4.refused(client_id="", clean=False).name == "ValueError"
    assert not far.packets


def test_no_gap_is_longer_than_the_keep_alive(client: Client, far: FarEnd) -> None:
    """[MQTT-3.1.2-23]: and nothing else has to be sent; how soon: host_tests/device"""
    client.up(keepalive=1)
    for count in (1, 2):
        if client.kind == "blocking":
            while len(far.of_kind(PINGREQ)) < count:
                client.pump()
        far.wait(PINGREQ, count)
    assert {each.raw for each in far.of_kind(PINGREQ)} == {b"\xc0\x00"}


def test_disconnect_is_the_last_packet(client: Client, far: FarEnd) -> None:
    """[MQTT-3.14.1-1], [MQTT-3.14.4-1], [MQTT-3.14.4-2]"""
    client.up()
    client.publish("t", "x", 1)
    client.close()
    far.wait_end()
    assert far.packets[-1].raw == b"\xe0\x00"
    assert not far.meetings[-1].rest
    assert len(far.wait(DISCONNECT)) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\x32\x04\x00\x01t\x00",  # PUBLISH
        b"\x40\x02\x00\x01",
        b"\xd0\x00",
        b"\x90\x03\x00\x01\x00",
        b"\x20\x00",
        b"\x20\x04\x00\x00\x00\x00",
        b"\x00\x00",
        b"HTTP/1.1 400 Bad Request\r\n",
    ],
)
def test_nothing_comes_before_connack(client: Client, far: FarEnd, raw: bytes) -> None:
    """[MQTT-4.8.0-1]"""
    far.silent.add(CONNECT)
    far.greeting = raw
    error = client.refused(**QUICK)
    assert error.name in ("ProtocolError", "LinkError"), error
    far.wait_end(0)  # the asyncio client may have begun the next connection already
    first, *goodbye = (each.kind for each in far.meetings[0].packets)
    assert first == CONNECT and (not goodbye or (far.version, goodbye) == (5, [DISCONNECT]))


def test_a_second_connack_ends_the_connection(client: Client, far: FarEnd) -> None:
    """[MQTT-4.8.0-1]"""
    client.up()
    far.send(packet(CONNACK, b"\0\0\0"[: far.version - 2]))
    assert "0x20" in client.pump_until_end()


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 255])
def test_a_refusal_is_one_error_with_its_code(client: Client, far: FarEnd, code: int) -> None:
    far.silent.add(CONNECT)
    far.greeting = packet(CONNACK, bytes((0, code)))
    error = client.refused()
    assert (error.name, error.code) == ("Refused", code)
    far.wait_end()


def test_no_message_of_the_session_before_is_published_as_old(client: Client, far: FarEnd) -> None:
    """[MQTT-3.1.2-6]: a new session knows no release and no DUP of the last"""
    far.silent |= {PUBLISH, 0x60}
    client.up(clean=True)
    client.begin("t", "one")
    client.begin("t", "two", 2)
    old = far.wait(PUBLISH, 2)
    far.send(far.answer(0x50, old[1].pid))
    client.pump()
    far.wait(0x60)
    far.silent.clear()
    far.cut()
    if client.kind == "blocking":
        client.pump_until_end()
    client.wait_reconnect(2)
    client.publish("t", "three", 1)
    new = far.wait(PUBLISH, 2)
    assert [each.payload for each in new] == [b"one", b"three"]  # "two" was received
    assert not [each for each in new if each.flags & 8]
    assert not far.of_kind(0x60)
