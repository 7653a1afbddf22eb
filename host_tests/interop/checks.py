"""What is checked: one function per row of the matrix, the same for every broker and client.

A check passes, or raises: Limited where the broker does less, NotApplicable where the protocol
has no such thing, any other error where something failed. What must not arrive is shown by a
message sent after it that does.
"""

from __future__ import annotations

from collections.abc import Callable

from host_tests.interop import checks5
from host_tests.interop.bench import Bench, Limited, NotApplicable
from host_tests.interop.control import CONTROL, Control
from host_tests.interop.device import Device, DeviceError
from host_tests.interop.drip import Drip


def connect(bench: Bench) -> None:
    """connect, clean session"""
    for _ in range(2):
        with bench.device() as device:
            assert device.open(bench.client_id) is False, "session present in a clean session"
            device.close()


def qos0(bench: Bench) -> None:
    """QoS 0 both ways"""
    _both_ways(bench, 0)


def qos1(bench: Bench) -> None:
    """QoS 1 both ways"""
    _both_ways(bench, 1)


def qos2(bench: Bench) -> None:
    """QoS 2 both ways"""
    with bench.peer() as one, bench.peer() as other:
        granted = one.subscribe(f"{bench.topic}/control", 2)
        other.publish(f"{bench.topic}/control", "control", 2)
        able = min(granted, one.wait(f"{bench.topic}/control", "control").qos)
    _both_ways(bench, 2, able)
    if able < 2:
        raise Limited(f"as QoS {able}")


def _both_ways(bench: Bench, qos: int, able: int | None = None) -> None:
    """Three messages each way, once each and in order; `able`: the QoS that the broker can do."""
    expected = qos if able is None else able
    words = ["one", "two", "three"]
    with bench.pair(qos) as (device, peer):
        for word in words:
            device.publish(f"{bench.topic}/p", word, qos)
        messages = peer.wait_all([(f"{bench.topic}/p", word) for word in words])
        for word in words:
            peer.publish(f"{bench.topic}/d", word, qos)
        got = device.receive(3)
    assert [m.payload.decode() for m in messages] == words, "not in order, or not once"
    assert [payload for _, payload, _ in got] == words, f"the device received {got}"
    assert {m.qos for m in messages} == {expected}, f"arrived as QoS {messages[0].qos}"


def retained(bench: Bench) -> None:
    """retained: set, get, clear"""
    topic = f"{bench.topic}/kept"
    with bench.device() as device:
        device.open(bench.client_id)
        device.publish(topic, "here", 1, retain=True)
        with bench.peer() as peer:
            peer.subscribe(topic, 1)
            assert peer.wait(topic, "here").retain, "paho got it, but not as retained"
        device.subscribe(topic, 1)
        got = device.receive(1)
        assert [payload for _, payload, _ in got] == ["here"], f"the device received {got}"
        assert got[0][2] is not False, "the device got it, but not as retained"
        device.publish(topic, "", 1, retain=True)
        with bench.peer() as peer:
            peer.subscribe(topic, 1)
            peer.publish(topic, "after", 1)
            peer.wait(topic, "after")
            assert len(peer.messages) == 1, "it is still there after an empty payload"
        device.close()


def retained_wildcard(bench: Bench) -> None:
    """retained, by a wildcard"""
    topic = f"{bench.topic}/kept"
    with bench.device() as device, bench.peer() as peer:
        peer.publish(topic, "here", 1, retain=True)
        device.open(bench.client_id)
        device.subscribe(f"{bench.topic}/#", 1)
        peer.publish(f"{bench.topic}/after", "after", 1)
        got = [payload for _, payload, _ in device.receive(2)]
        peer.publish(topic, "", 1, retain=True)
        device.close()
    assert sorted(got) == ["after", "here"], f"the device received {got}"


def last_will(bench: Bench) -> None:
    """last will"""
    topic = f"{bench.topic}/will"
    with bench.peer() as peer:
        peer.subscribe(f"{bench.topic}/#", 1)
        with bench.device() as polite:
            polite.open(bench.client_id, will=(topic, "polite", 1, False))
            polite.close()
        with bench.device() as device:
            device.open(bench.client_id, will=(topic, "gone", 1, False))
            device.kill()
        peer.wait(topic, "gone")
        assert len(peer.messages) == 1, "a will was published after a goodbye"


def session(bench: Bench) -> None:
    """persistent session: present, and its queue"""
    topic = f"{bench.topic}/queued"
    with bench.device() as device:
        assert device.open(bench.client_id, clean=False) is False, "a session nobody had begun"
        device.subscribe(topic, 1)
        device.close()
    with bench.peer() as peer:
        peer.publish(topic, "meanwhile", 1)
    with bench.device() as device:
        present = device.open(bench.client_id, clean=False)
        got = device.receive(1)
        device.close()
    with bench.device() as device:
        device.open(bench.client_id)  # clean: nothing is left behind
        device.close()
    assert [payload for _, payload, _ in got] == ["meanwhile"], "the queued message did not come"
    assert present or bench.protocol == "3.1", "session present is not set"


def filters(bench: Bench) -> None:
    """several filters in one SUBSCRIBE"""
    names = [f"{bench.topic}/{name}" for name in "abc"]
    with bench.device() as device, bench.peer() as peer:
        device.open(bench.client_id)
        device.subscribe([(names[0], 0), (names[1], 1), (names[2], 0)])
        for name in names:
            peer.publish(name, "x", 1)
        got = device.receive(3)
        device.close()
    assert sorted(topic for topic, _, _ in got) == names, f"the device received {got}"


def unsubscribe(bench: Bench) -> None:
    """unsubscribe"""
    with bench.pair(1) as (device, peer):
        device.subscribe(f"{bench.topic}/left", 1)
        device.unsubscribe(f"{bench.topic}/left")
        peer.publish(f"{bench.topic}/left", "late", 1)
        peer.publish(f"{bench.topic}/d", "after", 1)
        got = [payload for _, payload, _ in device.receive(1)]
    assert got == ["after"], f"the device received {got}"


def wildcards(bench: Bench) -> None:
    """wildcards + and #"""
    base = bench.topic
    with bench.device() as device, bench.peer() as peer:
        device.open(bench.client_id)
        device.subscribe(f"{base}/+/x", 1)
        device.subscribe(f"{base}/deep/#", 1)
        for name in ("a/x", "a/y", "a/b/x", "deep/a/b", "deep"):
            peer.publish(f"{base}/{name}", "x", 1)
        got = device.receive(3)
        device.close()
    topics = sorted(topic.removeprefix(f"{base}/") for topic, _, _ in got)
    assert topics == ["a/x", "deep", "deep/a/b"], f"the device received {topics}"


def single_bytes(bench: Bench) -> None:
    """segments of one byte, both ways"""
    with Drip(bench.broker.host, bench.broker.port) as drip, bench.device() as device:
        device.open(bench.client_id, port=drip.port)
        device.subscribe(f"{bench.topic}/d", 1)
        device.publish(f"{bench.topic}/d", "x" * 200, 1)
        got = device.receive(1)
        device.close()
    assert [payload for _, payload, _ in got] == ["x" * 200], f"the device received {got}"


def large(bench: Bench) -> None:
    """10 KB skipped by a client of 512 bytes"""
    if bench.kind == CONTROL:
        raise NotApplicable("paho has no such limit")
    with bench.pair(1) as (device, peer):
        peer.publish(f"{bench.topic}/d", "x" * 10_000, 1)
        peer.publish(f"{bench.topic}/d", "after", 1)
        got = [payload for _, payload, _ in device.receive(1)]
        assert got == ["after"], f"the device received {got}"
        skipped = device.skipped()  # with MQTT 5 the broker may know, and not send it at all
        assert skipped == 1 or (not skipped and bench.protocol == "5"), "not counted as skipped"
        assert device.connects() == 1, "the connection broke"


def empty_client_id(bench: Bench) -> None:
    """empty client id"""
    if bench.protocol == "3.1":
        raise NotApplicable("MQTT 3.1 wants 1 to 23 characters")
    with bench.device() as device, bench.peer() as peer:
        device.open("")
        device.subscribe(f"{bench.topic}/d", 0)
        peer.publish(f"{bench.topic}/d", "here", 1)
        got = [payload for _, payload, _ in device.receive(1)]
        device.close()
    assert got == ["here"], f"the device received {got}"


def wrong_password(bench: Bench) -> None:
    """wrong password refused"""
    if not bench.broker.logins:
        raise NotApplicable("lets anybody in as it is set up here")
    with bench.device() as device:
        try:
            device.open(bench.client_id, password="wrong")
        except DeviceError as error:
            if error.name != "Refused":
                raise
            codes = (134, 135) if bench.protocol == "5" else (4, 5)
            assert error.code in codes, str(error)
        else:
            raise AssertionError("it was let in")


def restart(bench: Bench) -> None:
    """reconnects after the broker's restart"""
    with bench.device() as device:
        device.open(bench.client_id)
        device.subscribe(f"{bench.topic}/d", 1)
        bench.broker.restart()
        if bench.kind == "blocking":
            _expect_loss(device, bench)
        device.reconnect()
        with bench.peer() as peer:
            device.publish(f"{bench.topic}/x", "there", 1)
            peer.publish(f"{bench.topic}/d", "again", 1)
            got = [payload for _, payload, _ in device.receive(1)]
        device.close()
    assert got == ["again"], f"the device received {got}"


def _expect_loss(device: Device | Control, bench: Bench) -> None:
    try:
        device.publish(f"{bench.topic}/lost", "x", 1)
    except DeviceError as error:
        if error.name in ("OSError", "LinkError"):
            return
        raise
    raise AssertionError("the blocking client did not notice that the broker was gone")


CHECKS: tuple[Callable[[Bench], None], ...] = (
    connect, qos0, qos1, qos2, retained, retained_wildcard, last_will, session, filters,
    unsubscribe, wildcards, single_bytes, large, empty_client_id, wrong_password, restart,
    *checks5.CHECKS,
)  # fmt: skip
