"""Both MQTT clients against a real Mosquitto, in both interpreters."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.process import popen

SCRIPTS = Path(__file__).parent / "scripts"
COUNT = 300


def test_both_ways(interpreter: Interpreter, broker: Broker) -> None:
    done = interpreter.run(SCRIPTS / "both_ways.py", str(broker.port), heap="256K")
    assert done.stdout.splitlines()[-1:] == ["done"], done.stdout + done.stderr


def test_asyncio_features(interpreter: Interpreter, broker: Broker) -> None:
    done = interpreter.run(SCRIPTS / "asyncio_features.py", str(broker.port), heap="256K")
    assert done.stdout.splitlines()[-1:] == ["done"], done.stdout + done.stderr


def test_once_and_robust(interpreter: Interpreter, broker: Broker) -> None:
    done = interpreter.run(SCRIPTS / "once_and_robust.py", str(broker.port), heap="256K")
    assert done.stdout.splitlines()[-1:] == ["done"], done.stdout + done.stderr


@pytest.mark.parametrize("script", ["asyncio_qos1.py 0", "asyncio_qos1.py 1", "simple_qos1.py"])
def test_broker_killed_during_qos1_traffic_loses_nothing(
    script: str, interpreter: Interpreter, broker_factory: Callable[..., Broker]
) -> None:
    """Every message accepted arrives at least once, and the first copies come in order.

    Before each kill the subscriber gets all that was acknowledged, and the publisher is kept out
    until it is back: a message that nobody receives would prove nothing about a client.
    """
    name, *options = script.split()
    broker = broker_factory(settings=("max_queued_messages 0",))
    with Subscriber(broker, "numbers") as seen, Gate(broker) as gate:
        command = interpreter.command(
            SCRIPTS / name, [str(gate.port), str(COUNT), *options], heap="64K"
        )
        process = popen(
            command,
            env=interpreter.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            for reached in (50, 150):
                assert seen.seen(lambda t, p, n=reached: int(p) >= n, 20)  # type: ignore[misc]
                gate.shut()
                seen.catch_up()
                broker.kill()
                gate.cut()
                broker.start()
                seen.wait_subscribed()
                gate.open()
            output, _ = process.communicate(timeout=60)
            seen.catch_up()
        finally:
            process.kill()
            process.communicate()
    assert "done" in output, output
    assert output.count("lost") >= 2, output
    got = [int(payload) for _, payload in seen.messages]
    assert list(dict.fromkeys(got)) == list(range(COUNT))


def test_suspended_broker_is_noticed_and_nothing_is_lost(
    interpreter: Interpreter, broker: Broker
) -> None:
    """Half-open: connections stay, nothing answers. The deadline of the PUBACK ends it."""
    with Subscriber(broker, "numbers") as seen:
        command = interpreter.command(
            SCRIPTS / "asyncio_qos1.py", [str(broker.port), str(COUNT), "0"], heap="64K"
        )
        process = popen(
            command,
            env=interpreter.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert seen.seen(lambda t, p: int(p) >= 50, 20)
            broker.suspend()
            lines = iter(process.stdout.readline, "") if process.stdout else iter(())
            assert any("no PUBACK" in line for line in lines)
            broker.resume()
            output, _ = process.communicate(timeout=60)
            seen.catch_up()
        finally:
            process.kill()
            process.communicate()
    assert "done" in output, output
    assert list(dict.fromkeys(int(p) for _, p in seen.messages)) == list(range(COUNT))


class Gate:
    """The port at which the publisher reaches the broker, which can be shut."""

    def __init__(self, broker: Broker) -> None:
        from tools.play.sim.relay import Relay

        self._relay = Relay((broker.host, broker.port))
        self.port = self._relay.port

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *error: object) -> None:
        self._relay.close()

    def shut(self) -> None:
        """Let nothing pass."""
        self._relay.silence()

    def cut(self) -> None:
        """End what has passed it."""
        self._relay.cut()

    def open(self) -> None:
        """Let everything pass."""
        self._relay.on.set()
