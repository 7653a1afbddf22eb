"""Mosquitto, the reference: what it refuses, no broker has to accept."""

from __future__ import annotations

from tools.lab.brokers.base import RealBroker, first_match
from tools.shared.paths import MOSQUITTO


class Mosquitto(RealBroker):
    """Mosquitto as `make setup` has it."""

    title = "Mosquitto"

    def version(self) -> str:
        return first_match(r"mosquitto version (\S+)", [str(MOSQUITTO), "-h"])
