"""A node's shadow at AWS: the desired state changes its config; it reports config and facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, make_node
from tools.config.check import findings
from tools.play.broker import Broker
from tools.play.shadow import Refused, Shadow, Shadows
from tools.play.subscriber import Subscriber

CLOUD = {"aws": "shadow"}


def test_a_node_and_its_shadow(tmp_path: Path, broker: Broker, seen: Subscriber) -> None:
    node = make_node(tmp_path / "flash", WIDTHS[0], broker, seen, heap="256K")
    with Shadows(broker.host, broker.port) as shadows, node.bench:
        node.write_config(node.config(cloud=CLOUD, sensors=[LIGHT], ntp=""))
        node.bench.power_on()

        def its() -> dict[str, Any]:
            return shadows.reported("n1")

        def wait(desired: dict[str, Any], state: str) -> None:
            before = its().get("desired", {}).get("version")
            shadows.desire("n1", {"config": desired})
            shadows.wait(
                lambda: (
                    (now := its().get("desired", {})).get("version") != before
                    and now.get("state") == state
                ),
                f"{desired} to be {state}",
            )

        shadows.wait(lambda: {"config_mark", "version"} <= its().keys(), "the first reports")
        assert its()["board"] == "UNIX"
        assert its()["config"]["sensors"][0]["interval"] == LIGHT["interval"]
        assert "password" not in its()["config"]["wifi"]
        wait({"queue": -1}, "refused")
        assert "queue" in its()["desired"]["error"]
        wait({"queue": 50, "sensors": {"light": {"interval": 0.3}}}, "applied")
        shadows.wait(lambda: its().get("config", {}).get("queue") == 50, "its report")
        assert "error" not in its()["desired"]
        node.obeys()
        node.bench.power_off()
        shadows.desire("n1", {"config": {"queue": 60}})
        node.bench.power_on()
        shadows.wait(lambda: its().get("config", {}).get("queue") == 60, "what came meanwhile")
        shadows.wait(lambda: its()["desired"]["state"] == "applied", "its outcome")
        assert shadows.refused == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"cloud": {"aws": True}}, 'cloud.aws: use "shadow"'),
        ({"cloud": {**CLOUD, "azure": "x"}}, "cloud.azure: it does not go with aws"),
        ({"mqtt": {"host": "b", "version": 5}}, "mqtt.version: it does not go with cloud.aws"),
        ({"format": "cbor"}, "format: it does not go with cloud.aws"),
    ],
)
def test_what_does_not_go_with_it_is_said(changes: dict[str, Any], said: str) -> None:
    config = {
        "wifi": {"ssid": "a", "password": "password"},
        "cloud": CLOUD,
        "mqtt": {"host": "b"},
        **changes,
    }
    faults, _ = findings(config, "ESP32_GENERIC")
    assert len(faults) == bool(said) and (not said or faults[0].startswith(said)), faults


def test_a_shadow_merges_and_tells_what_differs() -> None:
    """As AWS's documentation has it; make test-aws compares it with moto's."""
    shadow = Shadow()
    with pytest.raises(Refused) as none:
        shadow.state()
    assert none.value.code == 404
    shadow.update({"state": {"desired": {"a": {"b": 1, "c": [1]}, "d": 2}}})
    shadow.update({"state": {"reported": {"a": {"b": 1, "c": [2]}, "e": 3}}})
    assert shadow.delta() == {"a": {"c": [1]}, "d": 2}
    shadow.update({"state": {"desired": {"d": None}}})
    assert shadow.state()["desired"] == {"a": {"b": 1, "c": [1]}}
    assert shadow.version == 3
    for request, code in (
        ({}, 400), ({"state": {"desired": 1}}, 400), ({"state": {}, "version": 1}, 409),
        ({"state": {"desired": {"x": "y" * 9000}}}, 413),
        ({"state": {"desired": _deep(9)}}, 400),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            shadow.update(request)
        assert refused.value.code == code
    assert shadow.version == 3


def _deep(levels: int) -> Any:
    return {"x": _deep(levels - 1)} if levels else 1
