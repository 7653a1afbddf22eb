"""Two configs compared: the part to send to a node, and what a person reads before that is sent.

Which part makes what config is decided by the code that runs on the board, node.config.merge.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
from typing import Any

from tools.shared.errors import ToolError
from tools.shared.paths import LIB, MICROPYTHON

SECRETS = ("password", "secret", "token", "azure")
_MERGE = """
import json, sys
from node.config import merge
config, part = json.loads(sys.stdin.read())
try:
    print(json.dumps(merge.patch(config, part)))
except ValueError as error:
    print(json.dumps(str(error)))
"""
_SECTIONS = (
    "wifi", "mqtt", "commands", "ethernet", "provision", "homeassistant", "place",
)  # fmt: skip
# What has parts of its own may be only some of them here.
_CHECK = """
import json, sys
from node.config import homeassistant, network, provision, schema, values
from node.config import rules as acting
rules = schema._rules()
for more in (network.rules(), provision.rules(), homeassistant.rules(), acting.rules()):
    for section in more:
        rules.setdefault(section, {}).update(more[section])
found = None
for path, section, key, value in json.loads(sys.stdin.read()):
    rule = rules[section].get(key)
    if rule and rule[1] not in ("object", "or false", "list"):
        want = values.wrong(value, rule)
        if want:
            found = found or (path, values.shown(value), want)
print(json.dumps(found))
"""


def merged(config: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """The config with a part put into it; ToolError if it names an entry that isn't there."""
    found = _on_board(_MERGE, [config, part])
    if not isinstance(found, dict):
        raise ToolError(str(found), "--set takes the name of a sensor, or its number from 0 on.")
    return found


def _on_board(code: str, given: object) -> Any:
    """What the code that runs on the board makes of it."""
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-c", code],
        env={**os.environ, "MICROPYPATH": f"{LIB}:.frozen"},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def of_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    """The part that settings such as sensors.light.interval=5 make."""
    part: dict[str, Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        keys = path.split(".")
        if not equals or not all(keys):
            raise ToolError(
                f"{setting!r} is no setting", "Write it as sensors.light.interval=5 or queue=null."
            )
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        at = part
        for key in keys[:-1]:
            at = at.setdefault(key, {})
            if not isinstance(at, dict):
                raise ToolError(f"{setting!r} contradicts another setting", "Leave one out.")
        at[keys[-1]] = value
    return part


def check_values(part: dict[str, Any]) -> None:
    """Check the values of a part, as far as that needs no other value and no board.

    Raises ToolError for the first that is wrong.
    """
    sections: list[tuple[str, str, Any]] = [("", "", part)]
    sections += [(f"{name}.", name, part.get(name)) for name in _SECTIONS]
    for name, some in (("wifi", part.get("wifi")), ("sensors", part.get("sensors"))):
        for place, each in some.items() if isinstance(some, dict) else ():
            if not isinstance(each, dict):
                continue
            path = f"{name}.{place}."
            sections.append((path, name.removesuffix("s"), each))
            sections.append((f"{path}homeassistant.", "shown", each.get("homeassistant")))
    asked = [
        (path + key, section, key, value)
        for path, section, found in sections
        for key, value in (found.items() if isinstance(found, dict) else ())
        if value is not None
    ]
    if wrong := asked and _on_board(_CHECK, asked):
        path, what, want = wrong
        if path.rpartition(".")[2] in SECRETS:
            what = "the value"
        raise ToolError(f"{path}: {what} is wrong", f"Use {want}.")


def part_of(old: Any, new: Any) -> Any:
    """The part that makes the new config of the old one: a JSON merge patch.

    A secret that is missing or null in the new one is kept, so it is in no part; but not that of
    another service.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        part: dict[str, Any] = {}
        for key in {**old, **new}:
            same = old.get("service") == new.get("service")
            if key in SECRETS and new.get(key) is None and same:
                continue
            if key not in new or new[key] is None:
                if key in old and not _holds_secret(old[key]):
                    part[key] = None
            elif key not in old or old[key] != new[key]:
                part[key] = part_of(old.get(key), new[key])
                if part[key] == {} and isinstance(old.get(key), dict | list):
                    del part[key]  # only secrets that are kept
        return part
    if isinstance(old, list) and isinstance(new, list) and _in_order(old, new):
        names = {each["name"]: each for each in new}
        before = {each["name"]: each for each in old}
        part = {name: None for name in before if name not in names}
        for name, each in names.items():
            if each != before.get(name):
                part[name] = part_of(before.get(name), each)
        return part
    if isinstance(old, list) and isinstance(new, list) and _networks(old) == _networks(new) != []:
        parts = {str(i): part_of(*each) for i, each in enumerate(zip(old, new, strict=True))}
        return {place: part for place, part in parts.items() if part}
    return new


def _networks(entries: list[Any]) -> list[Any]:
    """The names of Wi-Fi networks in a list, empty if it is another."""
    names = [each.get("ssid") if isinstance(each, dict) else None for each in entries]
    return [] if None in names else names


def _holds_secret(value: Any) -> bool:
    return isinstance(value, dict) and "secret" in value


def _in_order(old: list[Any], new: list[Any]) -> bool:
    """Whether a part can name what changes: the node puts new entries behind, by their names."""
    for each in (old, new):
        if not all(
            isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in each
        ):
            return False
        if len({entry["name"] for entry in each}) < len(each):
            return False
    names = [entry["name"] for entry in old]
    staying = [entry["name"] for entry in new if entry["name"] in names]
    kept = [name for name in names if name in staying]
    added = sorted(entry["name"] for entry in new if entry["name"] not in names)
    places = any(name.isdigit() for name in added)
    return [entry["name"] for entry in new] == staying + added and staying == kept and not places


def shown(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What changes, line by line; secrets are not shown."""
    before, after = (_lines(each) for each in (old, new))
    return list(difflib.unified_diff(before, after, "now", "then", lineterm=""))[2:]


def _lines(config: dict[str, Any]) -> list[str]:
    return json.dumps(hidden(config), indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def hidden(value: Any) -> Any:
    """The same, with a mark in place of what is secret and given."""
    if isinstance(value, dict):
        return {
            key: "(new)" if key in SECRETS and each is not None else hidden(each)
            for key, each in value.items()
        }
    return [hidden(each) for each in value] if isinstance(value, list) else value
