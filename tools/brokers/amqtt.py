"""amqtt: a broker in pure Python."""

from __future__ import annotations

from typing import ClassVar

from tools import amqtt
from tools.brokers.base import RealBroker


class Amqtt(amqtt.Amqtt, RealBroker):
    """amqtt from PyPI; it lets anybody in."""

    title = "amqtt"
    logins = False
    limits: ClassVar[dict[str, str]] = {
        "session": "delivers nothing of what came while the client was away",
        "3.1": "does not answer a client of MQTT 3.1",
        "5": "knows no MQTT 5",
    }

    def version(self) -> str:
        return amqtt.VERSION
