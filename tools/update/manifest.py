"""What a release says of itself: the manifest that is signed, and the list of its files.

Both are read from bytes that anybody may have sent, so every rule of docs/updates.md is checked
here, and Refused says which one was broken.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

FORMAT = 1
OFFER, LIST, KEYS = "offer", "list", "keys.txt"  # files of a release
LONGEST_MANIFEST = 600  # bytes
LARGEST_LIST = 32_768
LARGEST_FILE = 1 << 20
LONGEST_PATH = 64
MOST_FILES = 400
HIGHEST_SERIAL = (1 << 30) - 1  # what a 32-bit MicroPython holds without the heap
NOT_UPDATED = frozenset({"boot.py", "config.json"})

_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_LINE = re.compile(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,6}) ([^ ]+)")
_HASH = re.compile(r"[0-9a-f]{64}")
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_VERSION = re.compile(r"[A-Za-z0-9.+-]{1,32}")
_BOARD = re.compile(r"[A-Z0-9_]{1,32}")


class Refused(ValueError):
    """A release that a node may not take; the message says why."""


@dataclass(frozen=True)
class Entry:
    """A file of a release."""

    digest: str  # SHA-256, in hex
    size: int
    path: str

    @classmethod
    def of(cls, path: str, content: bytes) -> Entry:
        """The entry of a file with that content."""
        return cls(hashlib.sha256(content).hexdigest(), len(content), path)

    def line(self) -> str:
        """The entry as it stands in the list."""
        return f"{self.digest} {self.size} {self.path}\n"


@dataclass(frozen=True)
class Manifest:
    """What is signed.

    downgrade: the highest serial that it may replace although its own is not higher
    """

    board: str
    version: str
    serial: int
    mpy: int
    files: int
    size: int
    list_size: int
    list_digest: str
    key: str
    downgrade: int | None = None

    @property
    def id(self) -> str:
        """What a node calls the release when it asks for its files."""
        return hashlib.sha256(self.line()).hexdigest()[:16]

    def line(self) -> bytes:
        """The bytes that are signed."""
        said: dict[str, Any] = {
            "update": FORMAT,
            "board": self.board,
            "version": self.version,
            "serial": self.serial,
        }
        if self.downgrade is not None:
            said["downgrade"] = self.downgrade
        said |= {
            "mpy": self.mpy,
            "files": self.files,
            "size": self.size,
            "list": [self.list_size, self.list_digest],
            "key": self.key,
        }
        return json.dumps(said, separators=(",", ":")).encode()


def parse(line: bytes) -> Manifest:
    """The manifest in a line whose signature is right; raises Refused."""
    if len(line) > LONGEST_MANIFEST:
        raise Refused(f"the manifest has {len(line)} bytes; {LONGEST_MANIFEST} are allowed")
    try:
        said = json.loads(line)
    except ValueError:
        raise Refused("the manifest is not JSON") from None
    if not isinstance(said, dict) or said.get("update") != FORMAT:
        raise Refused(f"the manifest is not of format {FORMAT}")
    listed = said.get("list")
    if not isinstance(listed, list) or len(listed) != 2:
        raise Refused("the manifest's list is not a size and a hash")
    manifest = Manifest(
        board=_text(said, "board", _BOARD),
        version=_text(said, "version", _VERSION),
        serial=_number(said, "serial", 1, HIGHEST_SERIAL),
        mpy=_number(said, "mpy", 0, 255),
        files=_number(said, "files", 1, MOST_FILES),
        size=_number(said, "size", 0, MOST_FILES * LARGEST_FILE),
        list_size=_number({"list": listed[0]}, "list", 1, LARGEST_LIST),
        list_digest=_text({"list": listed[1]}, "list", _HASH),
        key=_text(said, "key", _KEY_ID),
        downgrade=_number(said, "downgrade", 1, HIGHEST_SERIAL) if "downgrade" in said else None,
    )
    if manifest.line() != line:
        raise Refused("the manifest is not written as it must be: one line, without spaces")
    return manifest


def compose_list(entries: Iterable[Entry]) -> bytes:
    """The list of a release, sorted by path."""
    return "".join(entry.line() for entry in sorted(entries, key=lambda each: each.path)).encode()


def parse_list(content: bytes, manifest: Manifest) -> list[Entry]:
    """The files that a list names; raises Refused unless it is the one that the manifest means."""
    if len(content) != manifest.list_size:
        raise Refused(f"the list has {len(content)} bytes, not {manifest.list_size}")
    if hashlib.sha256(content).hexdigest() != manifest.list_digest:
        raise Refused("the list is not the one that was signed")
    try:
        lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Refused("the list is not ASCII") from None
    if lines.pop():
        raise Refused("the list doesn't end with a newline")
    entries = [_entry(number, line) for number, line in enumerate(lines, 1)]
    _together(entries)
    if (len(entries), sum(entry.size for entry in entries)) != (manifest.files, manifest.size):
        raise Refused("the list has other files or bytes than the manifest says")
    return entries


def _entry(number: int, line: str) -> Entry:
    found = _LINE.fullmatch(line)
    if not found:
        raise Refused(f"line {number} of the list is not a hash, a size and a path")
    entry = Entry(found[1], int(found[2]), found[3])
    if entry.size > LARGEST_FILE:
        raise Refused(f"{entry.path} has {entry.size} bytes; {LARGEST_FILE} are allowed")
    if len(entry.path) > LONGEST_PATH or not _PATH.fullmatch(entry.path):
        raise Refused(f"line {number} of the list: the path leads out of the slot, or is too long")
    if entry.path.lower() in NOT_UPDATED:
        raise Refused(f"{entry.path} can't be updated")
    return entry


def _together(entries: list[Entry]) -> None:
    """Raise Refused for paths that don't go together. FAT takes a and A for one."""
    paths = [entry.path for entry in entries]
    if any(a >= b for a, b in pairwise(paths)):
        raise Refused("the paths of the list are not in ascending order")
    lower = {path.lower() for path in paths}
    if len(lower) != len(paths):
        raise Refused("two paths of the list differ only in case")
    for path in lower:
        if any(path[:at] in lower for at, char in enumerate(path) if char == "/"):
            raise Refused(f"{path}: what it calls a folder is a file of the list")


def _number(said: dict[str, Any], key: str, least: int, most: int) -> int:
    value = said.get(key)
    if type(value) is not int or not least <= value <= most:
        raise Refused(f"the manifest's {key} is not a whole number from {least} to {most}")
    return value


def _text(said: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Refused(f"the manifest's {key} is not as it must be")
    return value
