"""`python -m tools.docs.generated`: writes the pages and files that are made from the code.

Each generator has a function pages() -> path -> text, which reads and measures, and writes
nothing. With --check nothing is written either: it fails if a page is not what it would be.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from tools import cli
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

GENERATORS = (
    "tools.docs.reference",
    "tools.docs.config_page",
    "tools.make.portal",
    "tools.make.mip",
    "tools.docs.sensors",
    "tools.docs.filters",
    "tools.docs.formulas",
    "tools.docs.board_pages",
    "tools.docs.adc",
    "tools.wiring.command",
    "tools.config.battery",
    "host_tests.emulated.claims",
)


def stale(pages: dict[Path, str]) -> list[Path]:
    """Those of the pages that are not there, or that say something else."""
    return [path for path, text in pages.items() if not path.exists() or path.read_text() != text]


@click.command()
@click.option("--check", is_flag=True, help="write nothing, and fail if anything would change")
@click.argument("generators", nargs=-1, type=click.Choice(GENERATORS), metavar="[GENERATORS]...")
def command(check: bool, generators: tuple[str, ...]) -> None:
    """Write everything that is made from the code, or only what some GENERATORS make."""
    changed: list[Path] = []
    for name in generators or GENERATORS:
        pages: dict[Path, str] = importlib.import_module(name).pages()
        for path in stale(pages):
            changed.append(path)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(pages[path])
    shown = [path.relative_to(ROOT).as_posix() for path in changed]
    if shown and check:
        raise ToolError(f"not up to date: {', '.join(shown)}", "run make reference")
    print("\n".join(f"written: {name}" for name in shown) or "everything is up to date")


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m tools.docs.generated"))
