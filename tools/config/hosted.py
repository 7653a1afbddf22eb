"""Warns of what a hosted broker would refuse, though the node itself could do it.

It is said by a computer alone, so that no board needs room for the limits of each service.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import Any

from tools.config.heap import parts
from tools.shared.imports import DRIVERS, modules

AWS = ".amazonaws.com"
_AWS_SLASHES = 7
_AWS_KEEPALIVE_S = 1200
# The most slashes that a node's topic has besides those of its base: <base>/<node>/cmd/config/put
_OWN_SLASHES = 4
_ADAFRUIT_RATE = 30  # see lib/node/network/hosted_service.py
_INTERVAL_S = 60  # where the config does not say


def warnings(config: dict[str, Any]) -> list[str]:
    """What the service that the config names would not take."""
    if "service" in config.get("cloud", {}):
        return _rate(config)
    hosts = config["mqtt"].get("host", "")
    hosts = [hosts] if isinstance(hosts, str) else hosts
    return _aws(config) if any(AWS in host.lower() for host in hosts) else []


def _rate(config: dict[str, Any]) -> list[str]:
    """More readings than may leave. Sensors with filters don't count: they may hold back any."""
    cloud = config["cloud"]
    rate = cloud.get("rate", _ADAFRUIT_RATE if cloud["service"] == "adafruit" else 0)
    made = 0.0
    for each in config.get("sensors", []):
        fields, polled = _reads(each["driver"])
        seconds = each.get("interval", 0 if polled else _INTERVAL_S)
        if seconds and not each.get("filters"):
            made += fields * 60 / seconds
    if not rate or made <= rate:
        return []
    return [
        f"cloud.rate: {rate} readings a minute may leave, and the sensors make about {made:.0f}. "
        "Use longer intervals, or some will be lost when the queue is full."
    ]


@cache
def _reads(driver: str) -> tuple[int, bool]:
    """How many values a driver reads at once, and whether it tells changes by itself."""
    fields, polled = 1, False
    for part in parts(driver):
        for node in ast.walk(ast.parse(modules()[f"{DRIVERS}.{part}"].read_text())):
            polled |= isinstance(node, ast.FunctionDef) and node.name == "poll"
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Tuple):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(ast.unparse(each) in ("FIELDS", "self.FIELDS") for each in targets):
                    fields = max(fields, len(node.value.elts))
    return fields, polled


def _aws(config: dict[str, Any]) -> list[str]:
    """https://docs.aws.amazon.com/general/latest/gr/iot-core.html"""
    mqtt = config["mqtt"]
    found = []
    if "ca" not in mqtt and mqtt.get("verify", True):
        found.append('mqtt.ca: missing. AWS IoT Core needs TLS: "ca": "aws.pem", see docs/aws.md.')
    if "cert" not in mqtt and "user" not in mqtt:
        found.append(
            "mqtt.cert: missing. AWS IoT Core knows a node by its certificate: give cert and key."
        )
    ports = {str(mqtt.get("port", ""))}
    hosts = [mqtt["host"]] if isinstance(mqtt["host"], str) else mqtt["host"]
    ports |= {host.rpartition(":")[2] for host in hosts if host.count(":") == 1}
    if "443" in ports or mqtt.get("websocket"):
        found.append(
            "mqtt.port: at 443 AWS IoT Core wants ALPN or signed requests, which the node hasn't. "
            "Use 8883, without mqtt.websocket."
        )
    slashes = config.get("base", "petrel").count("/") + _OWN_SLASHES
    if slashes > _AWS_SLASHES:
        most = _AWS_SLASHES - _OWN_SLASHES
        found.append(
            f"base: topics have up to {slashes} slashes; AWS IoT Core takes {_AWS_SLASHES}. "
            f"Use a base with {most} at most."
        )
    if config.get("homeassistant") is not False:
        found.append(
            "homeassistant: the policy of docs/aws.md doesn't allow its topics, and AWS IoT Core "
            'ends the connection at such. Say "homeassistant": false.'
        )
    seconds = mqtt.get("keepalive", 60)
    if seconds > _AWS_KEEPALIVE_S:
        found.append(
            f"mqtt.keepalive: {seconds} s. AWS IoT Core ends the connection after "
            f"{_AWS_KEEPALIVE_S} s and half as much. Use {_AWS_KEEPALIVE_S} at most."
        )
    return found
