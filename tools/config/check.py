"""`check`: the node's own check of a config, before it gets onto a board.

All that is refused is refused by the code that runs on the board, in the unix port of MicroPython.
Warnings are added here for what only a computer can see: dates and keys of certificates, and
whether it all fits the board's heap.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from tools.config import certificates, heap, hosted
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import LIB, MICROPYTHON, ROOT

# Runs in the folder of the config, so that the files it names are found.
_CODE = """
import builtins, sys
say = print
def told(*some, **more):
    raise ValueError("it prints, which a driver must not do when it is imported or checked")
builtins.print = told
sys.path[:] = [folder for folder in sys.path if folder]  # nothing of the folder is imported
import json
import board
from node.config import load, verdict
warnings = []
size = int(sys.argv[2])
text = load.read(sys.argv[1], [], 1 << 30)
faults = verdict.of(text, board, warnings, sys.argv[3] == "files", size, 1 << 30)[1]
say()  # the rest of a line that a driver has written
say(json.dumps([faults, warnings]))
"""
_OF_DRIVER = re.compile(r"\((?:[^()]*/)?sensors/([\w/]+)\.py, line (\d+)[^()]*\)$")
_EXAMPLES = re.compile(r"^wifi\.\w+: .* is the example's\.")
_TOKEN = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


FILES = ("ca", "cert", "key")


def check_config(path: Path, board: str) -> list[str]:
    """Refuse a config that the board would refuse; returns the warnings."""
    faults, warnings = of_file(path, board)
    if faults:
        raise ToolError(f"{board} would refuse {path}", "\n  ".join(faults))
    return warnings


def companions(path: Path) -> dict[str, Path]:
    """The files that a good config names: their names on the board, and where they are here."""
    return {name: path.parent / name for name in _named(path).values()}


def _named(path: Path) -> dict[str, str]:
    """The files that a config names, by the key that names them."""
    try:
        config = read(path)
    except ValueError:
        return {}
    mqtt = config.get("mqtt") if isinstance(config, dict) else None
    named = {key: mqtt.get(key) for key in FILES} if isinstance(mqtt, dict) else {}
    return {key: name for key, name in named.items() if isinstance(name, str)}


def read(path: Path) -> Any:
    """What a config says that was checked before."""
    return json.loads(path.read_text("utf-8-sig"))


def minified(path: Path) -> bytes:
    """A config as it is sent to a board: the same JSON, without spaces."""
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return _TOKEN.sub(lambda found: found[1] or b"", text)


def of_file(path: Path, board: str, how: str = "files") -> tuple[list[str], list[str]]:
    """What the board would say of a file: the faults and the warnings.

    how: where its code is, see heap.warnings
    """
    facts = boards.load(board)
    size = len(minified(path))
    faults, warnings = _run(path.resolve(), facts, size, path.resolve().parent)
    return faults, warnings if faults else warnings + beyond(path, facts, how)


def beyond(path: Path, facts: boards.Board, how: str = "files") -> list[str]:
    """What only a computer can see of a config that the board would take: more warnings."""
    warnings = certificates.warnings(
        {key: path.parent / name for key, name in _named(path).items()}
    )
    config = read(path)
    warnings += _way(config["mqtt"], facts)
    warnings += hosted.warnings(config)
    warnings += heap.warnings(config, facts, how)
    if path.stat().st_size > facts.config_bytes:
        warnings.append(
            f"config.json: {path.stat().st_size:,} bytes; {facts.id} takes "
            f"{facts.config_bytes:,}. `make deploy` sends it without spaces, "
            f"{len(minified(path)):,} bytes. A copy by hand is refused."
        )
    return warnings


def _way(mqtt: dict[str, Any], board: boards.Board) -> list[str]:
    """What is odd about the way to the broker, though the board would take it."""
    hosts = mqtt.get("host", [])
    found = [
        f'mqtt.host: "{host}" is the board itself. Use the address of the computer that runs the '
        "broker."
        for host in ([hosts] if isinstance(hosts, str) else hosts)
        if board.id not in ("UNIX", boards.LINUX)
        and re.match(r"(localhost|127\.[\d.]+|\[?::1\]?)(:\d+)?$", host.lower())
    ]
    if board.petrel["network"] == "none" and "serial" not in mqtt:
        found.append(
            f"mqtt.host: {board.id} has no network, so its readings are only printed at the REPL. "
            'To reach a broker, use "serial": "usb" instead, and make bridge.'
        )
    return found


def of_wiring(path: Path, board: str) -> tuple[list[str], list[str]]:
    """What the board would say of a file that is to be drawn.

    The example's network will do for that, and the files that it names need not be there.
    """
    faults, warnings = _run(path.resolve(), boards.load(board), len(minified(path)))
    return [fault for fault in faults if not _EXAMPLES.search(fault)], warnings


def findings(config: object, board: str) -> tuple[list[str], list[str]]:
    """What the board would say of a config that is in no file yet, without the files it names."""
    with tempfile.TemporaryDirectory(prefix="petrel-check-") as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config, ensure_ascii=False))
        return _run(path, boards.load(board), len(minified(path)))


def _run(
    path: Path, board: boards.Board, size: int, folder: Path | None = None
) -> tuple[list[str], list[str]]:
    """folder: where the files are that the config names, None: they are not looked at."""
    with tempfile.TemporaryDirectory(prefix="petrel-check-") as generated:
        (Path(generated) / "board.py").write_text(board.module())
        files = "files" if folder else ""
        python, environment = [str(MICROPYTHON["64"])], {}
        if board.id == boards.LINUX:  # its node runs in Python
            python = [sys.executable, "-m", "tools.cpython.board"]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        try:
            done = subprocess.run(
                [*python, "-c", _CODE, str(path), str(size), files],
                env={**environment, "MICROPYPATH": f"{LIB}:{generated}:.frozen"},
                capture_output=True,
                text=True,
                cwd=folder,
                timeout=60,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                "the check of the config doesn't end: one of its drivers doesn't return when "
                "it is imported or checked",
                "A driver must not wait there. Look at the driver that you changed last.",
            ) from error
    if done.returncode:
        raise ToolError(f"the check of the config failed: {done.stderr.strip()[-300:]}")
    faults, warnings = json.loads(done.stdout.splitlines()[-1])
    return [_OF_DRIVER.sub(r"(lib/sensors/\1.py:\2)", fault) for fault in faults], warnings


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def command(board: str, config: Path) -> None:
    """Check CONFIG, a config.json, as BOARD would, and suggest better pins.

    The exit status is 1 if the board would refuse it, and 0 if there are only warnings.
    """
    boards.load(board)
    faults, warnings = of_file(config, board)
    console = Console(highlight=False, soft_wrap=True)
    for fault in faults:
        console.print(f"[bold red]refused[/] {escape(fault)}")
    for warning in warnings:
        console.print(f"[bold yellow]warning[/] {escape(warning)}")
    if faults:
        raise ToolError(
            f"{board} would refuse {config}", "Fix the errors above and run the command again."
        )
    console.print(f"[bold green]good[/] for {board}" + (", but see above" if warnings else ""))
