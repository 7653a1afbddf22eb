"""amqtt: a broker in pure Python."""

from __future__ import annotations

from typing import ClassVar

from tools.lab.brokers.base import RealBroker
from tools.play import amqtt


class Amqtt(amqtt.Amqtt, RealBroker):
    """amqtt from PyPI; it lets anybody in."""

    title = "amqtt"
    logins = False
    limits: ClassVar[dict[str, str]] = {
        "session": "doesn't deliver what came while the client was away",
        "3.1": "doesn't answer an MQTT 3.1 client",
        "5": "doesn't know MQTT 5",
    }

    def version(self) -> str:
        return amqtt.VERSION
