"""`docs`: builds the documentation site from docs/ into build/site; a broken link is an error."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from tools.docs import links
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, ROOT, VENV
from tools.start import bootstrap

PINNED = "requirements-docs.txt"
SITE = BUILD / "site"
# Words of MkDocs and its theme about their own future, in every run.
QUIET = {"NO_MKDOCS_2_WARNING": "1"}


@click.command()
@click.option(
    "--serve", is_flag=True, help="show it at 127.0.0.1:8000, and rebuild it after each change"
)
def command(serve: bool) -> None:
    """Build the documentation site into build/site; a broken link is an error."""
    mkdocs = VENV / "bin" / "mkdocs"
    packages = bootstrap.Step("MkDocs", bootstrap.digest(PINNED), (mkdocs,), _install)
    bootstrap.do([packages])
    faults = links.broken()
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    what = ["serve"] if serve else ["build", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *what], cwd=ROOT, env={**os.environ, **QUIET}
    )
    if done.returncode or faults:
        raise ToolError(
            "the documentation has faults", "correct the links named above and run it again"
        )
    print(f"written: {SITE.relative_to(ROOT)}/index.html")


def _install() -> str:
    bootstrap.pip("install", "-r", PINNED)
    return f"in {VENV.name}"
