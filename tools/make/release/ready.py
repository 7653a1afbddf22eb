"""Whether a version may be released: its name, the changelog, the code's own version, the tree."""

from __future__ import annotations

import datetime
import re
import subprocess
from pathlib import Path

from tools.make import mip
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

CHANGELOG = ROOT / "CHANGELOG.md"
# https://semver.org gives this as its grammar.
_NUMBER = r"(?:0|[1-9]\d*)"
_LABEL = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_LABEL}(?:\.{_LABEL})*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def semantic(version: str) -> None:
    """Raise ToolError if that is no semantic version."""
    if not _SEMVER.fullmatch(version):
        bare = version.removeprefix("v")
        hint = (
            f"Write {bare}." if _SEMVER.fullmatch(bare) else "Write three numbers, such as 0.2.0."
        )
        raise ToolError(
            f"{version!r} is not a semantic version", f"{hint} See https://semver.org."
        )


def check(version: str, root: Path = ROOT) -> str:
    """The section of the changelog, if the version may be released; raises ToolError if not."""
    notes = section(version, root / CHANGELOG.name)
    own = mip.version(root)
    if own != version:
        raise ToolError(
            f"{mip.VERSION_FILE} says {own}, not {version}",
            f"Run petrel release {version} --prepare, and commit what it writes.",
        )
    clean(root)
    _untagged(version, root)
    return notes


def section(version: str, changelog: Path = CHANGELOG) -> str:
    """What the changelog says of a version, below its heading."""
    heading, text = _find(version, changelog)
    if not re.fullmatch(r"\(\d{4}-\d\d-\d\d\)", heading):
        said = heading or "no date"
        raise ToolError(
            f"{changelog.name}: the heading of {version} says {said}",
            f"petrel release {version} --prepare writes today's date there.",
        )
    if not text:
        raise ToolError(
            f"{changelog.name} says nothing about {version}", "Write what users will notice."
        )
    return text


def clean(root: Path) -> None:
    """Raise ToolError if the tree is not what is committed."""
    changed = _git(root, "status", "--porcelain").splitlines()
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        names = ", ".join(line[3:] for line in changed[:3])
        raise ToolError(
            f"the tree has changes that are not committed: {names}{more}",
            "Commit or stash them, so that the release is what the commit says.",
        )


def prepare(version: str, root: Path = ROOT, today: datetime.date | None = None) -> list[Path]:
    """Write the version and the date where they belong; returns the files that changed."""
    changelog = root / CHANGELOG.name
    heading, _ = _find(version, changelog)
    date = f"({today or datetime.date.today()})"
    old = f"## {version} {heading}".rstrip()
    text = changelog.read_text()
    if heading in ("", "(unreleased)"):
        text = text.replace(f"{old}\n", f"## {version} {date}\n", 1)
    place = root / mip.VERSION_FILE
    code = re.sub(r'(?m)^VERSION = ".*"$', f'VERSION = "{version}"', place.read_text())
    wanted = {changelog: text, place: code, **mip.pages(root, version)}
    changed = [path for path, content in wanted.items() if path.read_text() != content]
    for path in changed:
        path.write_text(wanted[path])
    return changed


def _find(version: str, changelog: Path) -> tuple[str, str]:
    """What stands behind the version in its heading, and what follows until the next."""
    parts = re.split(r"(?m)^## +(\S+) *(.*)$", changelog.read_text())
    known = dict(zip(parts[1::3], zip(parts[2::3], parts[3::3], strict=True), strict=True))
    if version not in known:
        raise ToolError(
            f"{changelog.name} has no section {version}",
            f"Begin one with: ## {version} (unreleased). There are {', '.join(known)}.",
        )
    heading, text = known[version]
    return heading.strip(), text.strip()


def _untagged(version: str, root: Path) -> None:
    """Raise ToolError if another commit was released under that name."""
    tag = f"v{version}"
    if tag not in _git(root, "tag", "--list", tag).split():
        return
    if _git(root, "rev-parse", f"{tag}^{{commit}}") != _git(root, "rev-parse", "HEAD"):
        raise ToolError(
            f"{version} was released from another commit",
            f"Take the next version, or check out {tag} to make its files again.",
        )


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise ToolError("there is no git in PATH", "Install git.") from error
    if done.returncode:
        raise ToolError(
            f"git: {done.stderr.strip()}", "Make a release in a clone, not in an unpacked archive."
        )
    return done.stdout.strip("\n")
