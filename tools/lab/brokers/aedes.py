"""aedes: a broker in JavaScript, as many Node-RED installations have it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import ClassVar

from tools.lab import npm
from tools.lab.brokers.base import PASSWORD, USER, RealBroker, quoted
from tools.shared.paths import TOOLS

VERSION = "1.2.0"
FOLDER = TOOLS / "aedes"
PROGRAM = """
import { createServer } from 'node:net'
import { Aedes } from 'aedes'

const broker = await Aedes.createBroker({
  authenticate: (client, user, password, done) => {
    if (user === %(user)s && String(password) === %(password)s) return done(null, true)
    const refused = new Error('wrong user name or password')
    refused.returnCode = 4
    done(refused, false)
  }
})
createServer(broker.handle).listen(%(port)d, %(host)s, () => console.error('aedes listens'))
"""


class Aedes(RealBroker):
    """aedes from npm, in a program of a few lines."""

    title = "aedes"
    limits: ClassVar[dict[str, str]] = {"5": "doesn't know MQTT 5"}
    running_line = re.compile(r"aedes listens")

    def version(self) -> str:
        package = FOLDER / "node_modules" / "aedes" / "package.json"
        return str(json.loads(package.read_text())["version"])

    def _check_installed(self) -> None:
        npm.install(FOLDER, "aedes", VERSION)

    def _command(self, conf: Path) -> list[str]:
        # Node.js looks for a package beside the program that imports it.
        link = conf.with_name("node_modules")
        if not link.exists():
            link.symlink_to(FOLDER / "node_modules")
        return [npm.node(), str(conf.rename(conf.with_suffix(".mjs")))]

    def _config(self, port: int) -> str:
        login = {"user": quoted(USER), "password": quoted(PASSWORD)}
        return PROGRAM % {**login, "port": port, "host": quoted(self.host)}
