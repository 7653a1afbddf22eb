"""A broker that refuses: said in words, and asked again with long pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_tests.conformance.far import FarEnd
from host_tests.conformance.wire import CONNECT, PUBLISH, SUBSCRIBE
from host_tests.harness.node import LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber


def test_wrong_password_is_said_in_words_and_not_repeated_hotly(
    broker: Broker, broker_factory: Callable[..., Broker], tmp_path: Path
) -> None:
    guarded = broker_factory(users={"node": "right"})
    with Subscriber(broker) as seen:
        node = make_node(tmp_path, "64", guarded, seen)
        with node.bench:
            mqtt = {**node.config()["mqtt"], "user": "node", "password": "wrong-secret"}
            node.write_config(node.config(mqtt=mqtt))
            node.bench.power_on()
            index = node.bench.wait_for_line("not authorized|bad user name or password", 15)
            refused = [line for line in guarded.log if "not authorised" in line]
            assert len(refused) <= 2
            assert "wrong-secret" not in "\n".join(node.bench.lines)
            assert index


@pytest.fixture
def lonely(tmp_path: Path, broker: Broker) -> Iterator[tuple[Node, FarEnd]]:
    """A node whose broker is a far end in the test's hand, and nobody listens there."""
    with FarEnd() as far, Subscriber(broker) as seen:
        node = make_node(tmp_path, "64", broker, seen, air=("127.0.0.1", far.port))
        with node.bench:
            node.write_config(node.config(sensors=[LIGHT], ntp="", diagnostics=10))
            yield node, far


def _told(far: FarEnd) -> str:
    """The diagnostics that came, as text."""
    found = [each for each in far.everything if each.kind == PUBLISH]
    return str([each.payload for each in found if each.topic.endswith(b"/diagnostics")])


def test_a_filter_that_is_refused_leaves_the_node_publishing_and_is_asked_for_again(
    lonely: tuple[Node, FarEnd],
) -> None:
    node, far = lonely
    far.codes = [0x80]
    node.bench.power_on()
    far.wait(SUBSCRIBE)
    far.wait(PUBLISH, 20)  # a reading every 0.2 s, and the diagnostics
    far.until(lambda: '"not_subscribed": ["petrel/n1/cmd/#"]' in _told(far), "news")
    far.codes = []
    far.cut()
    node.bench.wait_for_line("connected", 10, len(node.bench.lines))
    far.wait(SUBSCRIBE, meeting=len(far.meetings) - 1)
    far.wait(PUBLISH, 10)


def test_it_listens_before_it_says_that_it_is_there(lonely: tuple[Node, FarEnd]) -> None:
    """Anyone who sees "online" may send a command at once."""
    node, far = lonely
    node.bench.power_on()
    far.wait(PUBLISH, 3)
    assert [each.kind for each in far.packets[:3]] == [CONNECT, SUBSCRIBE, PUBLISH]


def test_a_broker_that_never_answers_subscribe_gets_the_readings_all_the_same(
    lonely: tuple[Node, FarEnd],
) -> None:
    node, far = lonely
    far.silent.add(SUBSCRIBE)
    node.bench.power_on()
    for meeting in range(2):
        far.wait(PUBLISH, 4, meeting)
        node.bench.wait_for_line("no SUBACK from the broker in time", 60, len(node.bench.lines))


def test_a_broker_that_closes_at_subscribe_gets_the_readings_all_the_same(
    lonely: tuple[Node, FarEnd],
) -> None:
    node, far = lonely
    far.silent.add(SUBSCRIBE)
    far.cut_after = SUBSCRIBE
    node.bench.power_on()
    node.bench.wait_for_line("right after SUBSCRIBE to petrel/n1/cmd/#.*set aside", 40)
    node.bench.wait_for_line("Petrel: connected", 25, len(node.bench.lines))
    far.wait(PUBLISH, 20)
    assert not far.of_kind(SUBSCRIBE)
    far.until(lambda: "not_subscribed" in _told(far), "news")
