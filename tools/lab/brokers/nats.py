"""The NATS server: it keeps MQTT sessions and retained messages in JetStream."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from tools.lab.brokers.archive import unpack
from tools.lab.brokers.base import PASSWORD, USER, RealBroker, first_match, quoted
from tools.shared.paths import TOOLS

SUITE = "trixie"  # bookworm's, 2.9, knows no QoS 2; this one runs there as well
TREE = TOOLS / "nats"
PROGRAM = TREE / "usr" / "sbin" / "nats-server"


class Nats(RealBroker):
    """nats-server from Debian's archive."""

    title = "NATS"
    limits: ClassVar[dict[str, str]] = {
        "3.1": "refuses MQTT 3.1",
        "5": "doesn't know MQTT 5",
    }
    running_line = re.compile(r"Server is ready")

    def version(self) -> str:
        return first_match(r"v(\d\S*)", [str(PROGRAM), "--version"])

    def _check_installed(self) -> None:
        if not PROGRAM.exists():
            unpack(TREE, SUITE, ["nats-server"])

    def _command(self, conf: Path) -> list[str]:
        return [str(PROGRAM), "-c", str(conf)]

    def _config(self, port: int) -> str:
        assert self._folder
        return f"""server_name: petrel
host: {self.host}
port: -1
jetstream {{ store_dir: {quoted(self._folder)} }}
mqtt {{ host: {self.host}, port: {port} }}
authorization {{ users: [ {{ user: {USER}, password: {quoted(PASSWORD)} }} ] }}
"""
