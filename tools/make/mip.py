"""The package.json files from which `mpremote mip install` takes the node, or a library alone.

tools.docs.generated writes them; a test holds them to what there is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.shared.paths import LIB

PACKAGES = {
    LIB: ("mqtt", "sensors", "node"),
    LIB / "mqtt": ("mqtt",),
    LIB / "sensors": ("sensors",),
}


def version() -> str:
    """The version that the node tells in its diagnostics."""
    for line in (LIB / "node" / "health" / "telemetry.py").read_text().splitlines():
        if line.startswith("VERSION"):
            return line.split('"')[1]
    raise ValueError("lib/node/health/telemetry.py has no VERSION")


def package(folder: Path) -> dict[str, Any]:
    """The package.json that belongs into a folder: every module, by a path relative to it."""
    urls = []
    for name in PACKAGES[folder]:
        for path in sorted((LIB / name).rglob("*.py")):
            urls.append([path.relative_to(LIB).as_posix(), path.relative_to(folder).as_posix()])
    return {"urls": urls, "deps": [], "version": version()}


def text(folder: Path) -> str:
    """The same as it stands in the file."""
    return json.dumps(package(folder), indent=2) + "\n"


def pages() -> dict[Path, str]:
    """Every package.json, by its path."""
    return {folder / "package.json": text(folder) for folder in PACKAGES}
