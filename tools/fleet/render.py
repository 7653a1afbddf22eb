"""All configs of a fleet: made, checked by the real check, and written if they are good.

They hold secrets. So their folder is for its owner alone and tells git to ignore it, and what the
check says of a config is said of one in which the secrets are masked.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.config import many
from tools.config.difference import SECRETS
from tools.fleet.plan import GIVEN, Node, Plan
from tools.fleet.secrets import Secret, Secrets
from tools.fleet.template import Templates, masked
from tools.make.package import build
from tools.shared.errors import ToolError
from tools.shared.locks import Lock

# A folder with this file is ours: configs of nodes that are gone are removed from it.
MARK = ".gitignore"
MARK_TEXT = "# Made by petrel fleet render: configs with their secrets, not for a repository.\n*\n"
_FILES = ("ca", "cert", "key")
_PLAIN = re.compile(r"\w[\w-]*(?:[./][\w-]+)*")  # a file below the folder


@dataclass
class Rendered:
    """What became of the nodes: names, and for some the words of the check."""

    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)


def config_of(plan: Plan, name: str) -> Path:
    """Where the config of a node is written."""
    return plan.out / f"{name}.json"


def render(
    plan: Plan,
    nodes: list[Node],
    write: bool = True,
    say: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> Rendered:
    """Make the configs of some nodes; raises ToolError if a template is wrong.

    write: False if they are only to be checked
    say: is told what is being done, how much of it is, and of how much
    """
    secrets = Secrets(plan.secrets)
    templates = Templates(secrets.get)
    configs: dict[str, Any] = {}
    for number, node in enumerate(nodes, 1):
        configs[node.name] = config(templates, node)
        say("rendering", number, len(nodes))
    result = Rendered()
    if len(nodes) == len(plan.nodes):
        unused = plan.named.keys() - templates.used - {*GIVEN}
        result.unused = sorted(plan.named[name] for name in unused)
    _folder(plan.out)
    with Lock(plan.out / ".lock"), tempfile.TemporaryDirectory(dir=plan.out) as staged:
        stage = Path(staged)
        for node in nodes:
            _put(stage / f"{node.name}.json", _text(configs[node.name]))
        others = _companions(plan, configs, stage)
        _check(stage, others, nodes, configs, result, say)
        if write:
            _write(plan, nodes, stage, others, result)
    return result


def config(templates: Templates, node: Node) -> dict[str, Any]:
    """The config of a node; raises ToolError."""
    made = templates.render(node.template, node.values)
    if not isinstance(made, dict):
        raise ToolError(
            f"{node.template} is not a table", "A config begins with { and ends with }."
        )
    named = made.setdefault("node", node.name)
    if named != node.name:
        raise ToolError(
            f"{node.template}: node: the config of {node.name} would be that of {named!r}",
            'Write "node": "${node}", or leave it out.',
        )
    return made


def _check(
    stage: Path,
    others: set[str],
    nodes: list[Node],
    configs: dict[str, Any],
    result: Rendered,
    say: Callable[[str, int, int], None],
) -> None:
    by_board: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        by_board[node.board].append(node)
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        say("checking", done, len(nodes))

    for board, some in by_board.items():
        library = build(board, quiet=True) / "lib"
        names = [node.name for node in some]
        said = many.of_files(stage, board, library, names, progress)
        refused = {name for name in names if said[name][0]}
        wordy = [name for name in names if any(said[name])]
        with tempfile.TemporaryDirectory(dir=stage) as folder:
            hidden = Path(folder)
            for name in others:
                (hidden / name).parent.mkdir(parents=True, exist_ok=True)
                (hidden / name).symlink_to(stage / name)
            for name in wordy:
                _put(hidden / f"{name}.json", _text(masked(configs[name])))
            shown = many.of_files(hidden, board, library, wordy)
        for name in names:
            faults, warnings = shown.get(name, ([], []))
            if name in refused:
                result.faults[name] = faults or [_secret_at_fault(configs[name])]
            if warnings := warnings + list(_in_the_open(configs[name], "")):
                result.warnings[name] = warnings


def _secret_at_fault(made: Any) -> str:
    """What is said of a config that is good as soon as its secrets are masked."""
    names = sorted({each.name for each in _secrets_in(made)})
    return f"a secret can't be used; it is one of {', '.join(names)}"


def _secrets_in(value: Any) -> Iterable[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _secrets_in(each)


def _in_the_open(value: Any, place: str) -> Iterable[str]:
    """Warnings of passwords that stand in a template or in fleet.toml."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _in_the_open(each, f"{place}[{number}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            inner = f"{place}.{key}" if place else key
            if key in SECRETS and isinstance(each, str) and not isinstance(each, Secret):
                yield f'{inner}: it is not in secrets.toml. Write "!secret name" in its place.'
            else:
                yield from _in_the_open(each, inner)


def _companions(plan: Plan, configs: dict[str, Any], stage: Path) -> set[str]:
    """Put the certificates that configs name beside them; returns their names."""
    names = set()
    for config in configs.values():
        mqtt = config.get("mqtt")
        for key in _FILES if isinstance(mqtt, dict) else ():
            name = mqtt.get(key)
            if isinstance(name, str) and _PLAIN.fullmatch(name):
                names.add(name)
    there = {name for name in names if (plan.path.parent / name).is_file()}
    for name in there:
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        _put(stage / name, (plan.path.parent / name).read_bytes())
    return there


def _write(plan: Plan, nodes: list[Node], stage: Path, others: set[str], result: Rendered) -> None:
    """Put the good ones into place, each in one step."""
    for node in nodes:
        if node.name in result.faults:
            continue
        new, final = stage / f"{node.name}.json", config_of(plan, node.name)
        if final.exists() and final.read_bytes() == new.read_bytes():
            result.same.append(node.name)
        else:
            new.replace(final)
            result.written.append(node.name)
    for name in others:
        (plan.out / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).replace(plan.out / name)
    for path in sorted(plan.out.glob("*.json")):
        if path.stem not in plan.nodes:
            path.unlink()
            result.removed.append(path.stem)


def _folder(out: Path) -> None:
    """Make the folder, for its owner alone; raises ToolError if it is used for something else."""
    mark = out / MARK
    if (
        out.exists()
        and any(out.iterdir())
        and not (mark.exists() and mark.read_text() == MARK_TEXT)
    ):
        raise ToolError(
            f"{out} has files that are not from petrel fleet render",
            'Name a folder of its own: out = "configs" in fleet.toml.',
        )
    out.mkdir(parents=True, exist_ok=True)
    out.chmod(0o700)
    mark.write_text(MARK_TEXT)


def _text(config: Any) -> bytes:
    return (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()


def _put(path: Path, content: bytes) -> None:
    """Write a file for its owner alone."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
