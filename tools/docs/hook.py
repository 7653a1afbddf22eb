"""For MkDocs: an entry of the nav that ends with / stands for all pages of that folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Replace such entries by their pages, README.md first."""
    config["nav"] = [_filled(entry, Path(config["docs_dir"])) for entry in config["nav"]]
    return config


def _filled(entry: Any, docs: Path) -> Any:
    if not isinstance(entry, dict):
        return entry
    ((name, what),) = entry.items()
    if isinstance(what, list):
        return {name: [_filled(each, docs) for each in what]}
    if not what.endswith("/"):
        return entry
    pages = sorted((docs / what).glob("*.md"), key=lambda page: (page.stem != "README", page))
    return {name: [page.relative_to(docs).as_posix() for page in pages]}
