"""A fleet of one node, from a config that works: the first step to two hundred."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

from tools.config.check import check_config, read
from tools.fleet.table import quoted
from tools.shared.errors import ToolError

# Where a config keeps secrets, and what they are called in secrets.toml.
_SECRETS = {
    ("wifi", "password"): "wifi_password",
    ("mqtt", "password"): "mqtt_password",
    ("commands", "secret"): "command_secret",
    ("provision", "password"): "provision_password",
}
_FLEET = """\
# The nodes. petrel fleet render makes a config of each: the template with the node's values.
template = "{template}"
board = "{board}"

[values] # of all nodes

[nodes.{node}]
"""


def new(path: Path, config: Path, board: str) -> list[Path]:
    """Write fleet.toml, a template and secrets.toml; returns the files. Raises ToolError."""
    template, secrets = path.with_name("template.json"), path.with_name("secrets.toml")
    for each in (path, template, secrets):
        if each.exists():
            raise ToolError(f"{each} is there already", "Begin in an empty folder.")
    check_config(config, board)
    made, found = split(read(config))
    node = made["node"]
    made["node"] = "${node}"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("# Keep this file to yourself, and out of any repository.\n")
        file.writelines(f"{name} = {quoted(value)}\n" for name, value in found.items())
    template.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    path.write_text(_FLEET.format(template=template.name, board=board, node=node))
    ignore = path.with_name(".gitignore")
    if not ignore.exists():
        own = f"/{config.name}\n" if config.resolve().parent == path.resolve().parent else ""
        ignore.write_text(f"/{secrets.name}\n/configs/\n{own}")
        return [path, template, secrets, ignore]
    return [path, template, secrets]


def split(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A config with names in place of its secrets, and these."""
    made, found = copy.deepcopy(config), {}
    for (table, key), name in _SECRETS.items():
        held = made.get(table)
        if isinstance(held, dict) and isinstance(held.get(key), str) and held[key]:
            found[name] = held[key]
            held[key] = f"!secret {name}"
    return made, found
