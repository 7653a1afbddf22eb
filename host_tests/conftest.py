"""Fixtures: real brokers and both interpreters. See host_tests/harness."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from host_tests.harness import whole_nodes
from host_tests.harness.checkout import Watch
from host_tests.harness.device import DeviceFile
from host_tests.harness.interpreter import WIDTHS, Interpreter
from host_tests.harness.interpreter import interpreter as interpreter_of
from host_tests.harness.line import BridgeProcess, Line
from host_tests.harness.node import Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import BUILD, LIB, NO_32, ROOT

os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(BUILD / "hypothesis")
os.environ["PETREL_KEYS"] = str(BUILD / "no-keys")  # whatever the user of this computer has
# A busy computer takes its time with an example, which says nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
# Pure modules of lib/ run under CPython too, with a stub of what MicroPython has built in.
sys.path[:0] = [str(LIB), str(Path(__file__).parent / "cpython")]


def pytest_configure(config: pytest.Config) -> None:
    """Have the process that leads the workers of pytest-xdist watch the checkout.

    What tests start heeds Ctrl-C, even if the tests themselves run in the background of a shell.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Watch(ROOT))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Device tests are collected by their own collector."""
    if file_path.parent.name == "device" and file_path.match("test_*.py"):
        return DeviceFile.from_parent(parent, path=file_path)
    return None


def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> pytest.Module | None:
    """CPython does not import device tests."""
    if module_path.parent.name == "device":
        return _Nothing.from_parent(parent, path=module_path)
    return None


# Whose tests wait longest: they begin first, or one worker would still be at them in the end.
SLOW = (
    "/faults/",
    "backend/test_trial",
    "test_powercut",
    "test_deploy",
    "test_field",
    "test_ram",
    "test_security",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the slow tests out to the workers of pytest-xdist, which get equal shares in order."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (slow if any(name in item.nodeid for name in SLOW) else others).append(item)
    left = len(items)
    items.clear()
    for worker in range(workers):
        share = left // (workers - worker)
        left -= share
        own = slow[worker::workers]
        rest = max(0, share - len(own))
        items += own + others[:rest]
        del others[:rest]
    items += others


class _Nothing(pytest.Module):
    """A file that holds no tests for CPython."""

    def collect(self) -> list[pytest.Item]:
        return []


@pytest.fixture(params=WIDTHS)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """MicroPython, once with 64 bit and once with 32."""
    return interpreter_of(request.param)


@pytest.fixture
def micropython32() -> Interpreter:
    """The 32-bit interpreter: the measure of RAM."""
    if NO_32.exists():
        pytest.skip(f"no 32-bit MicroPython: {NO_32.read_text()}")
    return interpreter_of("32")


@pytest.fixture
def broker_factory() -> Iterator[Callable[..., Broker]]:
    """Brokers with options; they are gone after the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Broker(**options))


@pytest.fixture
def broker(broker_factory: Callable[..., Broker]) -> Broker:
    """A running Mosquitto that lets anybody in."""
    return broker_factory()


@pytest.fixture
def bridge(line: Line, broker: Broker) -> Iterator[BridgeProcess]:
    """`make bridge` on the serial line that the test has as the fixture `line`."""
    with BridgeProcess(line.port, broker) as process:
        yield process


@pytest.fixture
def seen(broker: Broker) -> Iterator[Subscriber]:
    """What arrives at the broker below petrel/."""
    with Subscriber(broker) as subscriber:
        yield subscriber


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    """The image of a ROMFS with all that an ESP8266 gets."""
    return whole_nodes.image(tmp_path)


@pytest.fixture(params=WIDTHS)
def node(
    request: pytest.FixtureRequest, tmp_path: Path, broker: Broker, seen: Subscriber
) -> Iterator[Node]:
    """A node, switched off and without a config; its console is shown if the test fails."""
    node = make_node(tmp_path, request.param, broker, seen)
    with node.bench:
        yield node
    print("the board's console:", *node.bench.lines, sep="\n  ")


@pytest.fixture
def running(node: Node) -> Node:
    """A node with a good config that is online."""
    node.write_config(node.config())
    node.bench.power_on()
    node.wait("diagnostics")
    return node
