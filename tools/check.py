"""The node's own check of a config, before it gets onto a board."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tools.errors import ToolError
from tools.paths import BUILD, LIB, MICROPYTHON


def check_config(path: Path, board: str) -> None:
    """Refuse a config that the board would refuse."""
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ToolError(
            f"{path}: {error}", "it has to be JSON, see config.example.json"
        ) from error
    faults = config_faults(config, board)
    if faults:
        raise ToolError(f"{path} would be refused", "\n  ".join(faults))


def config_faults(config: object, board: str) -> list[str]:
    """What the node's own check says of a config, run in the unix port of MicroPython."""
    code = (
        "import json, sys\n"
        "from node.schema import check\n"
        "try:\n    import board\nexcept ImportError:\n    board = None\n"
        "print(json.dumps(check(json.loads(sys.stdin.read()), board)))\n"
    )
    generated = BUILD / "generated" / board
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-c", code],
        input=json.dumps(config),
        env={"MICROPYPATH": f"{LIB}:{generated}:.frozen"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ToolError(f"the check of the config failed: {done.stderr.strip()[-300:]}")
    faults: list[str] = json.loads(done.stdout)
    return faults
