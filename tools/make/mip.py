"""The package.json files from which `mpremote mip install` takes the node, or a library alone.

tools.docs.generated writes them; a test holds them to what there is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tools.shared.paths import ROOT

VERSION_FILE = "lib/node/health/telemetry.py"  # the one place that says it; pyproject reads it too
# The folders of lib/ that get a package.json, and what it takes from lib/.
PACKAGES = {
    "lib": ("mqtt", "sensors", "node"),
    "lib/mqtt": ("mqtt",),
    "lib/sensors": ("sensors",),
}


def version(root: Path = ROOT) -> str:
    """The version that the node tells in its diagnostics."""
    found = re.search(r'^VERSION = "(.*)"$', (root / VERSION_FILE).read_text(), re.M)
    if not found:
        raise ValueError(f"{VERSION_FILE} has no VERSION")
    return found[1]


def pages(root: Path = ROOT, of: str | None = None) -> dict[Path, str]:
    """Every package.json, by its path. of: the version that they say, in place of the code's."""
    return {
        root / folder / "package.json": json.dumps(
            {"urls": _urls(root, folder, names), "deps": [], "version": of or version(root)},
            indent=2,
        )
        + "\n"
        for folder, names in PACKAGES.items()
    }


def _urls(root: Path, folder: str, names: tuple[str, ...]) -> list[list[str]]:
    """Every module: where it belongs on a board, and where it is, seen from the folder."""
    lib = root / "lib"
    return [
        [path.relative_to(lib).as_posix(), path.relative_to(root / folder).as_posix()]
        for name in names
        for path in sorted((lib / name).rglob("*.py"))
    ]
