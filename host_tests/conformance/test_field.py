"""What a client meets in the field: what qualification programmes ask, and where others fail."""

from __future__ import annotations

import pytest

from host_tests.conformance.conftest import QUICK, Client
from host_tests.conformance.far import FarEnd
from host_tests.conformance.test_delivery import again
from host_tests.conformance.wire import (
    CONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    packet,
)
from host_tests.interop.device import DeviceError

FAST = {"backoff_ms": (1, 16), "answer_ms": 50, "connect_ms": 50}


@pytest.mark.parametrize("asyncio_client", ["no answer", "closed", "CONNACK, then cut"])
def test_it_never_tires_of_connecting(far: FarEnd, asyncio_client: str) -> None:
    """How the pauses grow, and that a CONNACK alone ends none of it: host_tests/device."""
    with Client("asyncio", far) as client:
        if asyncio_client != "CONNACK, then cut":
            far.silent.add(CONNECT)
        far.cut_after = {"no answer": 0, "closed": CONNECT, "CONNACK, then cut": CONNECT}[
            asyncio_client
        ]
        client.start(**FAST)
        far.wait_meetings(8)
        far.cut_after = 0
        far.silent.clear()
        client.wait_up()
        client.publish("t", "x", 1)


def test_a_session_that_is_there_is_not_asked_for_again(client: Client, far: FarEnd) -> None:
    client.up("d", clean=False)
    far.present = True
    for count in (2, 3, 4):
        again(client, far, count)
        far.send(far.publish(b"d", b"stored", 1, count))
        assert [payload for _, payload, _ in client.receive(1)] == ["stored"]
        assert far.wait(PUBACK)[0].pid == count
        assert not far.of_kind(SUBSCRIBE)


def test_a_session_that_is_gone_is_made_anew(client: Client, far: FarEnd) -> None:
    client.up("d", "e", clean=False)
    again(client, far, 2)
    client.pump()  # who only listens hears again: nothing else has to be sent
    (asked,) = far.wait(SUBSCRIBE)
    assert b"\0\x01d\x02" in asked.body and b"\0\x01e\x02" in asked.body


def test_without_pingresp_the_connection_ends(client: Client, far: FarEnd) -> None:
    far.silent.add(PINGREQ)
    client.up(keepalive=1, **QUICK)
    assert "PINGRESP" in client.pump_until_end()
    assert len(far.meetings[0].packets) == 2


def test_an_end_while_idle_is_noticed_at_once(client: Client, far: FarEnd) -> None:
    client.up(keepalive=0)
    far.cut()
    assert "closed" in client.pump_until_end()


def test_answers_to_nothing_are_harmless(client: Client, far: FarEnd) -> None:
    client.up()
    kinds = (PUBACK, PUBREC, PUBCOMP, SUBACK, UNSUBACK)
    strays = [far.answer(kind, pid, b"\0") for kind in kinds for pid in (0x1234, 0)]
    far.send(packet(PINGRESP), *strays)
    client.pump()
    client.publish("t", "x", 1)
    client.publish("t", "x", 2)
    assert client.count("strays") == len(strays)
    assert len(far.meetings) == 1


@pytest.mark.parametrize("code", [0x80, 0x81, 0xFF])
def test_a_refused_filter_is_an_error_and_no_more(client: Client, far: FarEnd, code: int) -> None:
    client.up()
    far.codes = [1, code]
    assert client.failure(client.subscribe, [["good", 1], ["bad", 1]]) == "OSError"
    far.codes = []
    client.publish("t", "x", 1)
    assert len(far.meetings) == 1 and len(far.of_kind(SUBSCRIBE)) == 1
    again(client, far, 2)
    client.publish("t", "x", 1)
    (asked,) = far.wait(SUBSCRIBE)
    assert asked.body[2:] == b"\0\x04good\x01"


def test_a_suback_for_another_number_of_filters_is_not_believed(
    client: Client, far: FarEnd
) -> None:
    client.up()
    far.codes = [0, 0, 0]
    client.begin_subscribe("d")
    assert "3 filters" in client.pump_until_end()


def message(far: FarEnd) -> bytes:
    return far.publish(b"d", b"the whole message", 1, 5)


@pytest.mark.parametrize("size", [1, 2, 4, 6, -1])
def test_a_message_cut_short_is_not_delivered(client: Client, far: FarEnd, size: int) -> None:
    client.up("d")
    far.send(message(far)[:size])
    far.cut()
    client.pump_until_end()
    assert not client.got()
    client.wait_reconnect(2)
    far.send(message(far))
    assert [payload for _, payload, _ in client.receive(1)] == ["the whole message"]


def test_a_message_that_stops_is_not_completed_by_the_next(client: Client, far: FarEnd) -> None:
    client.up("d", **QUICK)
    far.send(message(far)[:-4])
    client.pump_until_end()
    assert not client.got()


@pytest.mark.parametrize("raw", [
    b"\x30\x05\x00\xfftxx", b"\x30\x01\x00", b"\x30\x00", b"\x32\x03\x00\x01t",
    b"\x32\x05\x00\x01t\x00\x00",
], ids=bytes.hex)  # fmt: skip
def test_lengths_that_lie_end_the_connection(client: Client, far: FarEnd, raw: bytes) -> None:
    client.up("#")
    far.send(raw)
    client.pump_until_end()
    assert not client.got()


def test_a_length_chosen_by_the_peer_is_not_believed(client: Client, far: FarEnd) -> None:
    """268,435,455 bytes are announced; what comes of them is let pass, and nothing is held."""
    client.up("d", buffer=128)
    far.send(b"\x30\xff\xff\xff\x7f\x00\x01d" + b"x" * 200_000)
    client.pump()
    assert client.waiting() == 0
    far.cut()
    client.pump_until_end()
    client.wait_reconnect(2)
    client.publish("t", "x", 1)


def test_publishing_from_the_handler_of_200_messages(client: Client, far: FarEnd) -> None:
    client.up("d", queue=256)
    client.handler("publishes")
    far.send(b"".join(far.publish(b"d", b"%d" % number, 1, number + 1) for number in range(200)))
    if client.kind == "blocking":
        while len(far.of_kind(PUBLISH)) < 200 or client.waiting():
            client.pump()
    sent = far.wait(PUBLISH, 200)
    assert [each.payload for each in sent] == [b"%d" % number for number in range(200)]
    far.wait(PUBACK, 200)
    assert len(far.meetings) == 1


def test_acknowledgements_in_another_order(client: Client, far: FarEnd) -> None:
    far.silent.add(PUBLISH)
    client.up()
    for number in range(4):
        client.begin("t", f"{number}")
    for each in reversed(far.wait(PUBLISH, 4)):
        far.send(far.answer(PUBACK, each.pid))
    client.until_waiting(0)
    assert client.count("strays") == 0


def test_a_connection_that_fills_up_is_given_up(client: Client, far: FarEnd) -> None:
    """A far end that reads nothing: the stream takes no more, and no call hangs."""
    client.up(connect_ms=300, queue=60, window=30)
    far.deaf.set()
    said = ""
    for _ in range(24):
        try:
            client.begin("t", "x" * 300_000)
        except DeviceError as error:
            said = str(error)
            break
    said = said or client.pump_until_error()
    assert "takes no more" in said or "in time" in said
    far.deaf.clear()
    far.wait_end(0)


def test_many_retained_and_a_suback_between(client: Client, far: FarEnd) -> None:
    """Messages may come before the SUBACK that lets them through."""
    far.silent.add(SUBSCRIBE)
    client.up()
    client.begin_subscribe("d")
    (asked,) = far.wait(SUBSCRIBE)
    answer = far.answer(SUBACK, asked.pid, b"\x01")
    far.send(far.publish(b"d", b"1", 1, 9, 1) + answer, far.publish(b"d", b"2"))
    assert [payload for _, payload, _ in client.receive(2)] == ["1", "2"]


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_what_mqtt_5_refuses_is_told_to_who_asked_for_it(far: FarEnd, kind: str) -> None:
    far.version = 5
    far.silent.add(CONNECT)
    far.greeting = b"\x20\x05\x00\x00\x02\x24\x01"  # the maximum QoS is 1
    with Client(kind, far) as client:
        client.up()
        error = client.try_publish("t", "x", 2)
        assert error and (error.name, error.code) == ("Refused", 0x9B)
        client.publish("t", "x", 1)
        far.codes = [0x87]
        assert client.failure(client.subscribe, "secret") == "OSError"
        assert len(far.meetings) == 1
        assert client.count("refusals") == 2
