"""A hub like Azure's for a test, and a node that is its device."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from host_tests.harness.authority import Authority
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.hub import Device, Hub
from tools.play.subscriber import Subscriber


class Linked(Node):
    """A node and its device at the hub."""

    hub: Hub
    device: Device


@contextmanager
def a_hub(folder: Path) -> Iterator[Hub]:
    """A hub at 127.0.0.1, with an authority of its own."""
    (folder / "authority").mkdir()
    authority = Authority(folder / "authority")
    with Hub("127.0.0.1", *authority.issue("127.0.0.1")) as made:
        made.authority = authority  # type: ignore[attr-defined]
        yield made


@contextmanager
def a_node(
    hub: Hub,
    flash: Path,
    broker: Broker,
    seen: Subscriber,
    changes: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Linked]:
    """A node that is switched on and a device of the hub.

    changes: of its config; options: those of its Bench
    """
    air = ("127.0.0.1", hub.port)
    made = make_node(flash, WIDTHS[0], broker, seen, air=air, heap="256K", **options)
    made.__class__ = Linked
    assert isinstance(made, Linked)
    made.hub, made.device = hub, hub.add("n1")
    hub.authority.ca.cert_pem.write_to_path(flash / "azure.pem")  # type: ignore[attr-defined]
    with made.bench:
        given = {
            "cloud": {"azure": hub.string(made.device)}, "sensors": [LIGHT], "ntp": "",
            "mqtt": {"ca": "azure.pem", "port": made.bench.relay_port},
        }  # fmt: skip
        made.write_config(made.config(**given | (changes or {})))
        made.bench.power_on()
        yield made
    print("the board's console:", *made.bench.lines, sep="\n  ")


def readings(device: Device) -> list[Any]:
    """Those that have arrived."""
    return [
        json.loads(payload) for told, payload in device.telemetry if told.get("topic") == "light"
    ]
