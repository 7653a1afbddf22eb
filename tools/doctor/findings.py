"""What the doctor finds: how bad it is, what it is, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from tools.shared.paths import ROOT
from tools.shared.words import counted

_PAGE = ROOT / "docs" / "troubleshooting.md"
_LINK = re.compile(r"\[([^]]*)\]\(([^)#]*)[^)]*\)")


class Level(IntEnum):
    """How bad it is; the worst comes first."""

    WRONG = 0
    LOOK = 1
    OK = 2


_STYLE = {Level.WRONG: "bold red", Level.LOOK: "yellow", Level.OK: "green"}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing, and what to do about it."""

    level: Level
    what: str
    cure: str = ""


def wrong(what: str, cure: str = "") -> Finding:
    """Something that keeps the node from its work."""
    return Finding(Level.WRONG, what, cure)


def look(what: str, cure: str = "") -> Finding:
    """Something that is worth a look, and may be meant."""
    return Finding(Level.LOOK, what, cure)


def good(what: str) -> Finding:
    """Something that is as it should be."""
    return Finding(Level.OK, what)


def cure_of(message: str) -> str:
    """What the page on troubleshooting says to do about a message; empty if nothing."""
    return next((cure for words, cure in _page() if words in message), "")


@cache
def _page() -> list[tuple[str, str]]:
    """The messages of the page, the longest first, with what to do about each."""
    rows: list[tuple[str, str]] = []
    if _PAGE.exists():
        for line in _PAGE.read_text().splitlines():
            if line.startswith("| `"):
                messages, cure = line.strip("| ").split(" | ", 1)
                said = _LINK.sub(_named, cure).replace("`", "").strip()
                rows += [(message, said) for message in re.findall(r"`(.+?)`", messages)]
    return sorted(rows, key=lambda row: -len(row[0]))


def _named(link: re.Match[str]) -> str:
    """A link of the page as words for a terminal."""
    page = link[2] or "troubleshooting.md"
    return f"{link[1]}: docs/{page}" if link[1] != page else f"docs/{page}"


def show(console: Console, findings: Iterable[Finding]) -> bool:
    """Print them, the worst first; returns whether nothing is wrong."""
    found = sorted(findings, key=lambda each: each.level)
    for each in found:
        style = _STYLE[each.level]
        console.print(f"[{style}]{each.level.name.lower():>5}[/]  {escape(each.what)}")
        if each.cure:
            console.print(Padding(escape(each.cure), (0, 0, 0, 7)), style="dim", soft_wrap=False)
    bad = sum(each.level == Level.WRONG for each in found)
    looks = sum(each.level == Level.LOOK for each in found)
    console.print()
    if bad:
        console.print(f"[bold]{counted(bad, 'fault')}[/]")
    elif looks:
        console.print(f"[bold]nothing is wrong; {counted(looks, 'thing')} to look at[/]")
    else:
        console.print("[bold]nothing is wrong[/]")
    return not bad
