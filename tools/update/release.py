"""A signed release: updates/SERIAL/BOARD/ with the offer, the list and the files.

The files are those that `make deploy` would copy, without boot.py and main.py, which start a slot
and are never updated, and without the example of a config. keys.txt is added: the keys that nodes
are to trust from then on.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from tools.make import storage
from tools.make.package import EXAMPLE, PLAIN, build, sizes_of
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.update import manifest
from tools.update.keyring import Signer
from tools.update.manifest import KEYS, LIST, OFFER, Entry, Manifest
from tools.update.verify import MOST_KEYS, check_folder, parse_keys

UPDATES = Path("updates")


def fitting() -> list[str]:
    """The boards that have room for two slots."""
    return [name for name in boards.names() if name != "UNIX" and not too_small(name)]


def too_small(name: str) -> str:
    """Why a board can't have two slots; empty if it can, or nobody knows its room."""
    board = boards.load(name)
    room = storage.capacity(board)
    if room is None:
        return ""
    size = sum(sizes_of(build(name, quiet=True)).values())
    if 2 * size <= room:
        return ""
    return f"{name} has {room:,} bytes for files; two slots of Petrel take {2 * size:,}"


def next_serial(updates: Path, last: int) -> int:
    """One more than all that are known."""
    return max([last, *serials(updates)]) + 1


def serials(updates: Path) -> list[int]:
    """The serials of the releases in a folder."""
    if not updates.is_dir():
        return []
    names = [each.name for each in updates.iterdir() if each.is_dir()]
    return sorted(int(name) for name in names if name.isdecimal() and name.isascii())


def make(
    updates: Path,
    names: Iterable[str],
    signer: Signer,
    keys_txt: str,
    serial: int,
    version: str,
    downgrade: int | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> dict[str, Manifest]:
    """Make a release for some boards; returns the manifests by board. Raises ToolError.

    keys_txt: the keys that nodes are to trust from then on
    say: is told what is being done
    """
    with Lock(updates / ".lock"):
        final = updates / str(serial)
        if final.exists():
            raise ToolError(
                f"there is a release {serial} already, in {final}",
                "Leave --serial out for the next number. A serial is never used twice.",
            )
        partial = updates / f"{serial}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        made = {}
        for name in names:
            say(f"{name}: compiling")
            if reason := too_small(name):
                raise ToolError(reason, "Such a board takes new files by its drive: make usb.")
            built = build(name, quiet=True)
            say(f"{name}: signing")
            made[name] = _one(
                partial / name, built, keys_txt, signer, (name, version, serial, downgrade)
            )
            check_folder(partial / name, {signer.id: signer.modulus})
        for path in partial.rglob("*"):  # a web server that is another user serves it
            path.chmod(0o755 if path.is_dir() else 0o644)
        os.sync()
        partial.rename(final)
    return made


def _one(
    out: Path,
    built: Path,
    keys_txt: str,
    signer: Signer,
    named: tuple[str, str, int, int | None],
) -> Manifest:
    board, version, serial, downgrade = named
    parse_keys(keys_txt)
    contents = {
        name: (built / name).read_bytes()
        for name in sizes_of(built)
        if name not in (*PLAIN, EXAMPLE)
    }
    contents[KEYS] = keys_txt.encode()
    entries = [Entry.of(name, content) for name, content in contents.items()]
    listed = manifest.compose_list(entries)
    about = Entry.of(LIST, listed)
    told = Manifest(
        board=board,
        version=version,
        serial=serial,
        mpy=contents["lib/board.mpy"][1],
        files=len(entries),
        size=sum(entry.size for entry in entries),
        list_size=about.size,
        list_digest=about.digest,
        key=signer.id,
        downgrade=downgrade,
    )
    contents[LIST] = listed
    contents[OFFER] = _signed(told, signer)
    for name, content in contents.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return told


def _signed(told: Manifest, signer: Signer) -> bytes:
    line = told.line()
    return line + b"\n" + base64.b64encode(signer.sign(line))


def way_back(updates: Path, serial: int, highest: int, signer: Signer) -> dict[str, bytes]:
    """Offers by board, with which nodes go back to a release from one as high as `highest`.

    They are signed downgrades; the files are those of the release, in a folder beside it. Raises
    ToolError if nodes that run the higher one would not trust them.
    """
    final = updates / f"{serial}-back-{highest}"
    offers = {}
    with Lock(updates / ".lock"):
        partial = updates / f"{final.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        for old in sorted(each.parent for each in (updates / str(serial)).glob(f"*/{OFFER}")):
            keys = updates / str(highest) / old.name / KEYS
            if keys.exists() and signer.id not in trusted_of(keys.read_text()):
                raise ToolError(
                    f"nodes with release {highest} don't trust the key {signer.id}, so they could "
                    "not be taken back",
                    "Name a key that they trust: --sign-with NAME",
                )
            told = manifest.parse((old / OFFER).read_bytes().partition(b"\n")[0])
            told = replace(told, downgrade=highest, key=signer.id)
            shutil.copytree(old, partial / old.name)
            offers[old.name] = _signed(told, signer)
            (partial / old.name / OFFER).write_bytes(offers[old.name])
            check_folder(partial / old.name, {signer.id: signer.modulus})
        if not offers:
            raise ToolError(
                f"there is no release {serial} in {updates}", "Name another with --back."
            )
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
    return offers


def trusted_of(text: str) -> dict[str, bytes]:
    """The keys in a keys.txt that a person named; raises ToolError."""
    try:
        return parse_keys(text)
    except manifest.Refused as error:
        raise ToolError(
            str(error), f"It must have 1 to {MOST_KEYS} lines, as petrel keys show prints them."
        ) from error
