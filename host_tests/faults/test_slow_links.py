"""A link with a round trip of 5 s, as a satellite's may have: it is waited for, and works."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from host_tests.conformance.wire import SUBACK
from host_tests.faults.proxy import DOWN, Proxy
from host_tests.harness.authority import Authority
from host_tests.harness.interpreter import WIDTHS, interpreter
from host_tests.harness.node import LIGHT, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.process import popen

ONE_WAY_S = 2.5
ROUND_TRIP_S = 2 * ONE_WAY_S
SCRIPT = Path(__file__).parent.parent / "scripts" / "slow_link.py"


@pytest.mark.fault("delay")
def test_a_node_stays_connected_and_each_reading_comes_once(
    tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    """With a `timeout` of three round trips, as docs/config.md says."""
    with Proxy((broker.host, broker.port), latency_s=ONE_WAY_S) as far:
        node = make_node(tmp_path, WIDTHS[-1], broker, seen, air=("127.0.0.1", far.port))
        mqtt = {**node.config()["mqtt"], "timeout": int(3 * ROUND_TRIP_S), "keepalive": 10}
        node.write_config(node.config(mqtt=mqtt, sensors=[{**LIGHT, "interval": 1}]))
        with node.bench:
            node.bench.power_on()
            far.wait_for(SUBACK, DOWN)  # SUBSCRIBE leaves behind the readings that wait
            node.obeys()
            time.sleep(65)
            assert not [line for line in node.bench.lines if "not connected" in line]
            assert far.connections == 1
            got = seen.sequence()
            assert len(got) >= 55
            assert got == list(range(1, len(got) + 1))


def test_both_clients_wait_for_a_slow_link_with_and_without_tls(tmp_path: Path) -> None:
    """Over TLS the connection takes two round trips or more; each answer then has its own time."""
    authority = Authority(tmp_path)
    machine = interpreter(WIDTHS[-1])
    with (
        Broker() as plain,
        Broker(settings=authority.settings("broker.test")) as secured,
        Proxy((plain.host, plain.port), packets=False, latency_s=ONE_WAY_S) as far,
        Proxy((secured.host, secured.port), packets=False, latency_s=ONE_WAY_S) as far_secured,
    ):
        running = []
        for client in ("blocking", "asyncio"):
            for port, ca in ((far.port, "-"), (far_secured.port, str(authority.file))):
                command = machine.command(SCRIPT, [str(port), client, ca], heap="512K")
                process = popen(
                    command,
                    env=machine.environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
                running.append((process, 1 if ca == "-" else 2))
        try:
            for process, trips in running:
                output, _ = process.communicate(timeout=120)
                said = re.search(r"connected after (\d+) ms, 1 connections, lost \[\]", output)
                assert said, output
                assert int(said[1]) > 1000 * trips * ROUND_TRIP_S - 100
        finally:
            for process, _ in running:
                process.kill()
                process.communicate()
