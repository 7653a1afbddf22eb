"""What the commands of a fleet have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tools.fleet import plan


def fleet_option(function: Any) -> Any:
    """Give a command the option --fleet; it gets the file as `path`."""
    return click.option(
        "--fleet", "path", type=click.Path(dir_okay=False, path_type=Path),
        default=plan.FILE, show_default=True, help="the file",
    )(function)  # fmt: skip
