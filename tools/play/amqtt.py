"""amqtt from PyPI in Mosquitto's place: only for the demo, where there is no Mosquitto.

It keeps no session over a restart and holds few promises under load; the tests want the real one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import TOOLS

VERSION = "0.12.1"
FOLDER = TOOLS / "amqtt"


class Amqtt(Broker):
    """An amqtt broker that anybody may use; it is installed when it is first started."""

    running_line = re.compile(r"Starting session expiration monitor")

    def _check_installed(self) -> None:
        if FOLDER.exists():
            return
        partial = FOLDER.with_name("amqtt.partial")
        command = [sys.executable, "-m", "pip", "-q", "install", "--target", str(partial)]
        done = subprocess.run([*command, f"amqtt=={VERSION}"], capture_output=True, text=True)
        if done.returncode:
            raise ToolError(
                "there is no Mosquitto, and amqtt can't be installed either",
                "install mosquitto, or check the network (PyPI)",
            )
        partial.rename(FOLDER)

    def _command(self, conf: Path) -> list[str]:
        code = "from amqtt.scripts.broker_script import main; main()"
        return [sys.executable, "-c", code, "-c", str(conf)]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(FOLDER)}

    def _config(self, port: int) -> str:
        return (
            f"listeners:\n  default:\n    type: tcp\n    bind: {self.host}:{port}\n"
            "plugins:\n  amqtt.plugins.authentication.AnonymousAuthPlugin:\n"
            "    allow_anonymous: true\n"
        )
