"""The broker that the other tests rely on does what its methods say."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.publish import single

from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT


def test_restart_keeps_the_port_and_retained_messages(
    broker_factory: Callable[..., Broker],
) -> None:
    broker = broker_factory(persistence=True)
    single("kept", "here", qos=1, retain=True, hostname=broker.host, port=broker.port)
    port = broker.port
    broker.restart()
    assert broker.port == port
    with Subscriber(broker, "kept") as seen:
        assert seen.wait("kept") == "here"


def test_kill_ends_the_process(broker: Broker) -> None:
    broker.kill()
    assert not broker.running
    with pytest.raises(ConnectionRefusedError):
        single("t", "x", hostname=broker.host, port=broker.port)


def test_suspended_it_accepts_and_does_not_answer(broker: Broker) -> None:
    connect = bytes.fromhex("100d 0004 4d515454 04 02 003c 0001 61")  # MQTT 3.1.1, client "a"
    broker.suspend()
    with socket.create_connection((broker.host, broker.port), 5) as link:
        link.sendall(connect)
        assert not select.select([link], [], [], 0.2)[0]
        broker.resume()
        assert link.recv(4) == b"\x20\x02\x00\x00"  # CONNACK, accepted


def test_a_slow_subscriber_has_all_that_was_taken_when_it_has_caught_up(broker: Broker) -> None:
    with (
        Subscriber(broker, "many", show=lambda *_: time.sleep(0.005)) as seen,
        Subscriber(broker, "none") as sender,
    ):
        for n in range(100):
            sender.publish("many", str(n))
        sender.catch_up()
        seen.catch_up()
        broker.kill()
        assert [payload for _, payload in seen.messages] == [str(n) for n in range(100)]
        broker.start()
        seen.wait_subscribed()
        sender.wait_subscribed()
        sender.publish("many", "after")
        assert seen.seen(lambda topic, payload: payload == "after", 10)


def test_an_old_subscription_is_not_taken_for_the_new_one(broker: Broker) -> None:
    with Subscriber(broker) as seen:
        seen.catch_up()
        with pytest.raises(TimeoutError):
            seen.wait_subscribed(0.1)
        broker.restart()
        seen.wait_subscribed()


def test_its_log_is_there_as_soon_as_it_has_ended(broker: Broker) -> None:
    socket.create_connection((broker.host, broker.port), 5).close()
    broker.kill()
    assert any("running" in line for line in broker.log)
    broker.start()
    broker.stop()
    assert "terminating" in broker.log[-1]


def test_a_port_taken_by_another_is_an_error_with_its_reason(broker: Broker) -> None:
    broker.kill()
    with socket.create_server((broker.host, broker.port)):
        with pytest.raises(ToolError, match="Address already in use"):
            broker.start()
        assert not broker.running


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = "from tools.play.broker import Broker\nb = Broker()\nb.start()\n"
    command = [sys.executable, "-c", code + "print(b.port, flush=True)\ninput()"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout
        with socket.create_connection((Broker.host, int(owner.stdout.readline())), 5) as link:
            owner.send_signal(signal.SIGKILL)
            with contextlib.suppress(ConnectionResetError):
                assert link.recv(1) == b""  # the end of the broker ends the connection


def test_users_need_their_password(broker_factory: Callable[..., Broker]) -> None:
    broker = broker_factory(users={"node": "secret"})
    answers: list[bool] = []

    def on_connect(client: paho.Client, data: Any, flags: Any, code: Any, properties: Any) -> None:
        answers.append(code.is_failure)
        client.disconnect()

    for password in ("secret", "wrong"):
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set("node", password)
        client.on_connect = on_connect
        client.connect(broker.host, broker.port)
        client.loop_forever(retry_first_connection=False)
    assert answers == [False, True]
