"""A broker that refuses: said in words, and asked again with long pauses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from host_tests.harness.node import make_node
from tools.broker import Broker
from tools.subscriber import Subscriber


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
