"""For MkDocs: an entry of the nav that ends with / stands for all pages of that folder.

CONTRIBUTING.md, which a code host wants outside docs/, becomes a page too. The pages of Start are
short: they need no table of contents, and have its room.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

OUTSIDE = "CONTRIBUTING.md"
INSIDE = "contributing.md"
START = "start/"


def on_config(config: Any) -> Any:
    """Replace such entries by their pages, README.md first."""
    config["nav"] = [_filled(entry, Path(config["docs_dir"])) for entry in config["nav"]]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Take the page from outside; its links begin in docs/ then."""
    text = (Path(config["docs_dir"]).parent / OUTSIDE).read_text()
    text = text.replace("](docs/", "](").replace("[CHANGELOG.md](CHANGELOG.md)", "`CHANGELOG.md`")
    files.append(File.generated(config, INSIDE, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead to it what leads out of docs/."""
    if page.file.src_path.startswith(START):
        page.meta["hide"] = ["toc"]
    return markdown.replace(f"](../{OUTSIDE}", f"]({INSIDE}")


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Let site.css know a page of Start."""
    return f'<div class="start">{html}</div>' if page.file.src_path.startswith(START) else html


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
