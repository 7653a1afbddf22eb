"""Answers what nodes ask for while they fetch a release: a piece of a file at a time.

It keeps nothing in mind between two requests but where releases are, so it can be stopped and
started at any time, and two of them may answer side by side. It answers anybody who may publish at
the broker, so a request chooses only among the files of releases, and what it costs has a limit.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import paho.mqtt.client as paho

from tools.update.manifest import LIST, OFFER, Entry, Manifest, Refused, parse, parse_list

LONGEST_CHUNK = 4096
LONGEST_REQUEST = 64
_REQUEST = re.compile(rb"([0-9a-f]{16}) (\d{1,3}) (\d{1,7}) (\d{1,4})")


class NoAnswer(ValueError):
    """A request that is not one: nobody gets an answer."""


class Server:
    """The releases below a folder, by their ids.

    alone: whether it says so if it has no such release; else another server may have it
    """

    def __init__(self, updates: Path, alone: bool = True) -> None:
        self._updates = updates
        self._alone = alone
        self._folders: dict[str, Path] = {}
        self._seen: set[tuple[Path, int]] = set()  # offers, and when they were written

    def passed(
        self, client: paho.Client, base: str, message: paho.MQTTMessage
    ) -> tuple[str, str] | None:
        """The node of a message and what it is about; None if it was a request, now answered."""
        node, _, what = message.topic.removeprefix(f"{base}/").partition("/")
        if what != "update/get":
            return node, what
        try:
            client.publish(f"{base}/{node}/update/chunk", self.answer(bytes(message.payload)))
        except NoAnswer:
            pass
        return None

    def answer(self, request: bytes) -> bytes:
        """The payload of the chunk for a request; raises NoAnswer."""
        found = _REQUEST.fullmatch(request) if len(request) <= LONGEST_REQUEST else None
        if not found:
            raise NoAnswer("not a request")
        name, number = found[1].decode(), int(found[2])
        offset, length = int(found[3]), int(found[4])
        head = f"{name} {number} "
        try:
            content = self._read(name, number, offset, length)
        except Refused as error:
            return f"{head}-\n{error}".encode()
        return f"{head}{offset}\n".encode() + content

    def _read(self, name: str, number: int, offset: int, length: int) -> bytes:
        folder = self._folder(name)
        if not 1 <= length <= LONGEST_CHUNK:
            raise Refused(f"a chunk has 1 to {LONGEST_CHUNK} bytes")
        told, entries = read_release(folder)
        if number > len(entries):
            raise Refused(f"the list has {len(entries)} files")
        path, size = LIST, told.list_size
        if number:
            path, size = entries[number - 1].path, entries[number - 1].size
        if offset > size:
            raise Refused(f"{path} has {size} bytes")
        try:
            with (folder / path).open("rb") as file:
                file.seek(offset)
                return file.read(min(length, size - offset))
        except OSError as error:
            raise Refused(f"{path} can't be read") from error

    def _folder(self, name: str) -> Path:
        if name not in self._folders:
            self._look()
        if name not in self._folders:
            raise Refused("no such release") if self._alone else NoAnswer("no such release")
        return self._folders[name]

    def _look(self) -> None:
        """Find releases that are new since the last time."""
        seen: set[tuple[Path, int]] = set()
        for path in self._updates.glob(f"[0-9]*/*/{OFFER}"):
            try:
                offer = path, path.stat().st_mtime_ns
                if offer in self._seen:
                    seen.add(offer)
                    continue
                told = parse(path.read_bytes().partition(b"\n")[0])
            except (OSError, Refused):  # perhaps it is being copied: look again the next time
                continue
            seen.add(offer)
            name = path.parent.parent.name  # not one that is being written
            if name in (str(told.serial), f"{told.serial}-back-{told.downgrade}"):
                self._folders[told.id] = path.parent
        self._seen = seen


@lru_cache(64)
def read_release(folder: Path) -> tuple[Manifest, list[Entry]]:
    """The manifest and the list of a release; they stay even if it is signed again."""
    try:
        told = parse((folder / OFFER).read_bytes().partition(b"\n")[0])
        return told, parse_list((folder / LIST).read_bytes(), told)
    except OSError as error:
        raise Refused("no such release") from error
