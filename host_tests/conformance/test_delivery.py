"""QoS 0, 1 and 2 over connections that end, seen from the far end. MQTT 3.1.1, chapter 4."""

from __future__ import annotations

import pytest

from host_tests.conformance.conftest import QUICK, Client
from host_tests.conformance.far import FarEnd
from host_tests.conformance.wire import PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBSCRIBE

DUP = 8


def again(client: Client, far: FarEnd, count: int, wrong: bytes = b"") -> None:
    """End the connection, and wait until the client is back for the so-manyeth time.

    wrong: what to send so that the client ends it; without that the connection is cut.
    """
    if wrong:
        far.send(wrong)
    else:
        far.cut()
    if client.kind == "blocking":
        client.pump_until_end()
    client.wait_reconnect(count)


def test_what_was_in_flight_is_resumed(client: Client, far: FarEnd) -> None:
    """[MQTT-3.1.2-4], [MQTT-4.1.0-1], [MQTT-4.1.0-2], [MQTT-4.4.0-1], [MQTT-2.3.1-3],
    [MQTT-3.3.1-1], [MQTT-4.6.0-1]: over three reconnects, in its order, under its identifiers"""
    far.present = True
    far.silent.add(PUBLISH)
    client.up(clean=False)
    for number in range(5):
        client.begin("t", f"{number}", 1 + number % 2)
    first = far.wait(PUBLISH, 5)
    assert not [each for each in first if each.flags & DUP]
    # The second end is another: a message at which three in a row are cut is set aside.
    for count, wrong in ((2, b""), (3, b"\x00\x00"), (4, b"")):
        again(client, far, count, wrong)
        repeated = far.wait(PUBLISH, 5)
        assert [each.body for each in repeated] == [each.body for each in first]
        assert all(each.flags & DUP for each in repeated)
    for each in far.of_kind(PUBLISH):
        far.send(far.answer(PUBACK if each.qos == 1 else PUBREC, each.pid))
    if client.kind == "blocking":
        while client.waiting():
            client.pump()
    assert [each.pid for each in far.wait(PUBREL, 2)] == [first[1].pid, first[3].pid]


def test_qos_0_is_sent_once(client: Client, far: FarEnd) -> None:
    """[MQTT-4.3.1-1], [MQTT-3.3.1-2]"""
    far.present = True
    client.up(clean=False)
    client.publish("t", "x", 0)
    (sent,) = far.wait(PUBLISH)
    assert sent.flags == 0
    again(client, far, 2)
    client.publish("t", "after", 1)
    assert [each.payload for each in far.wait(PUBLISH)] == [b"after"]


def test_qos_1_is_done_with_its_own_puback_alone(client: Client, far: FarEnd) -> None:
    """[MQTT-4.3.2-1]"""
    far.silent.add(PUBLISH)
    client.up()
    client.begin("t", "x", 1)
    (sent,) = far.wait(PUBLISH)
    assert sent.flags == 2
    for wrong in ((sent.pid + 1) % 65536 or 1, 65535, 0):
        far.send(far.answer(PUBACK, wrong))
        client.pump()
    client.wait_count("strays", 3)  # one of them is the identifier of the next message
    client.begin("t", "other", 1)
    other = far.wait(PUBLISH, 2)[1]
    far.send(far.answer(PUBACK, other.pid))
    client.pump()
    assert client.waiting() == 2  # both: they are done in their order
    far.send(far.answer(PUBACK, sent.pid))
    client.until_waiting(0)
    assert client.count("strays") == 3


def test_an_acknowledged_identifier_is_free_for_another_message(
    client: Client, far: FarEnd
) -> None:
    """[MQTT-4.3.2-2]"""
    client.up("d")
    for word in (b"one", b"two"):
        far.send(far.publish(b"d", word, 1, 7, 0 if word == b"one" else DUP))
        assert [payload for _, payload, _ in client.receive(1)] == [word.decode()]
    assert [each.pid for each in far.wait(PUBACK, 2)] == [7, 7]


def test_a_released_message_is_never_published_again(client: Client, far: FarEnd) -> None:
    """[MQTT-4.3.3-1], [MQTT-4.4.0-1], [MQTT-4.6.0-4]"""
    far.present = True
    far.silent.add(PUBREL)
    client.up(clean=False)
    for word in ("one", "two"):
        client.begin("t", word, 2)
    sent = far.wait(PUBLISH, 2)
    if client.kind == "blocking":
        while len(far.of_kind(PUBREL)) < 2:
            client.pump()
    assert [each.pid for each in far.wait(PUBREL, 2)] == [each.pid for each in sent]
    again(client, far, 2)
    assert [each.pid for each in far.wait(PUBREL, 2)] == [each.pid for each in sent]
    assert all(each.flags == 2 for each in far.of_kind(PUBREL))
    assert not far.of_kind(PUBLISH)
    for each in sent:
        far.send(far.answer(PUBCOMP, each.pid))
    client.publish("t", "three", 1)
    assert client.waiting() == 0


def test_a_message_of_qos_2_is_delivered_once(client: Client, far: FarEnd) -> None:
    """[MQTT-4.3.3-2]"""
    far.silent.add(PUBREC)
    far.present = True
    client.up("d", clean=False)
    far.send(far.publish(b"d", b"one", 2, 7), far.publish(b"d", b"one", 2, 7, DUP))
    assert [payload for _, payload, _ in client.receive(1)] == ["one"]
    again(client, far, 2)
    far.send(far.publish(b"d", b"one", 2, 7, DUP))
    client.pump()
    assert [each.pid for each in far.wait(PUBREC)] == [7]
    far.send(far.answer(PUBREL | 2, 7))
    client.pump()
    far.wait(PUBCOMP)
    far.send(far.answer(PUBREL | 2, 7))  # its PUBCOMP was lost
    client.pump()
    far.wait(PUBCOMP, 2)
    far.send(far.publish(b"d", b"two", 2, 7))
    assert [payload for _, payload, _ in client.receive(1)] == ["two"]


@pytest.mark.parametrize("handler", ["none", "raises"])
def test_a_message_is_acknowledged_whoever_takes_it(
    client: Client, far: FarEnd, handler: str
) -> None:
    """[MQTT-4.5.0-2]: an acknowledgement says that it came, not that anybody liked it"""
    client.up("d")
    client.handler(handler)
    far.send(far.publish(b"d", b"x", 1, 5), far.publish(b"d", b"x", 2, 6))
    if client.kind == "blocking":
        while len(far.of_kind(PUBCOMP)) < 1:
            try:
                client.pump()
            except Exception as error:
                assert "of the handler" in str(error)
    assert far.wait(PUBACK)[0].pid == 5
    assert far.wait(PUBCOMP)[0].pid == 6
    assert len(far.meetings) == 1


def test_no_room_for_a_message_costs_the_connection_alone(client: Client, far: FarEnd) -> None:
    """[MQTT-4.8.0-2]"""
    far.present = True
    client.up("d", buffer=40_000, clean=False)
    client.fill(24_000)
    far.send(far.publish(b"d", b"x" * 30_000, 1, 5))
    assert "memory" in client.pump_until_end()
    client.free()
    client.wait_reconnect(2)
    assert not far.of_kind(PUBACK)
    far.send(far.publish(b"d", b"x" * 30_000, 1, 5, DUP))
    assert [len(payload) for _, payload, _ in client.receive(1)] == [30_000]
    assert far.wait(PUBACK)[0].pid == 5


def test_without_puback_it_is_sent_again_on_the_same_connection(
    client4: Client, far: FarEnd
) -> None:
    """[MQTT-3.3.1-1], [MQTT-2.3.1-3], [MQTT-4.4.0-1]"""
    far.silent.add(PUBLISH)
    client4.up(**QUICK)
    client4.begin("t", "x", 1)
    if client4.kind == "blocking":
        while len(far.of_kind(PUBLISH)) < 2:
            client4.pump()
    first, second = far.wait(PUBLISH, 2)[:2]
    assert (first.flags, second.flags) == (2, 2 | DUP)
    assert first.body == second.body
    far.send(far.answer(PUBACK, first.pid))
    client4.pump()
    client4.until_waiting(0)


def test_without_suback_the_connection_ends_and_it_is_asked_again(
    client: Client, far: FarEnd
) -> None:
    """[MQTT-2.3.1-3]"""
    far.silent.add(SUBSCRIBE)
    client.up(**QUICK)
    client.begin_subscribe("d")
    client.pump_until_end()
    far.silent.clear()
    client.wait_reconnect(2)
    client.publish("t", "x", 1)
    first, second = (far.wait(SUBSCRIBE, meeting=number)[0] for number in (0, 1))
    assert first.body == second.body
