"""Links of the pages that MkDocs does not follow, as a code host shows them.

MkDocs knows the pages of docs/ alone. The README and its neighbours lead into them, and pages name
files of the repository. A link has to lead to a file and to a heading that are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.shared.paths import ROOT

_LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.M)
# What the reader is told to make.
MADE = ("lib/sensors/tilt.py", "host_tests/test_tilt.py", "docs/recipes/mosquitto/")
# A file or folder of the repository, in `code`.
_NAMED = re.compile(r"`((?:lib|tools|host_tests|firmware|boards|docs)/[\w./-]+)`")


def pages(root: Path = ROOT) -> list[Path]:
    """All pages: the README and its neighbours, those in docs/, and what a code host shows."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob(".github/**/*.md")])


def broken(root: Path = ROOT) -> list[str]:
    """What the pages link to or name, and is not there; a line each."""
    return [fault for page in pages(root) for fault in _faults(page, root)]


def _faults(page: Path, root: Path) -> Iterator[str]:
    text = _FENCE.sub("", page.read_text())
    where = page.relative_to(root)
    for target, anchor in _LINK.findall(text):
        leads_to = page.parent / target if target else page
        if not leads_to.exists():
            yield f"{where}: {target}: there is no such file"
        elif anchor and leads_to.suffix == ".md" and anchor not in anchors(leads_to):
            yield f"{where}: {target}#{anchor}: there is no such heading"
    for name in _NAMED.findall(text):
        if name not in MADE and not (root / name).exists():
            yield f"{where}: {name}: there is no such file"


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as a code host makes them."""
    found: list[str] = []
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text())):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        again = found.count(slug)
        found += [slug, f"{slug}-{again}"] if again else [slug]
    return frozenset(found)
