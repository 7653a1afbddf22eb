"""Releases for tests: signed with a key of the moment, right ones and wrong ones.

vectors() gives what a verifier must take or refuse; the one in tools/update and the node's have to
agree on it. Some are signed by the right key although they break a rule: a node that trusts the
signature alone would take those.
"""

from __future__ import annotations

import base64
import functools
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from tools.update.keyring import Keyring, Signer
from tools.update.manifest import KEYS, LIST, OFFER, Entry, Manifest, compose_list
from tools.update.verify import key_line

BOARD, MPY, HIGHEST = "ESP8266_GENERIC", 6, 11  # of the node that the vectors are for
PASSPHRASE = "three words and more"
FILES = {
    "board.txt": BOARD.encode(),
    "lib/node/app.mpy": b"M\x06" + bytes(range(200)),
    "lib/sensors/ntc.mpy": b"M\x06" + bytes(3000),
    "main.py": b"import node.main\n",
}


def signer(name: str = "main") -> Signer:
    """A key that no other run of the tests has; the same at each call."""
    return _signer(name)


@functools.cache
def _signer(name: str) -> Signer:
    with tempfile.TemporaryDirectory(prefix="petrel-keys-") as folder:
        keyring = Keyring(Path(folder) / "keys")
        keyring.make(name, PASSPHRASE)
        return Signer(keyring.path(name), PASSPHRASE)


def keys_txt(*names: str) -> str:
    """The keys.txt of a node that trusts these keys."""
    return "".join(key_line(signer(name).modulus) for name in names or ("main",))


def listed(files: dict[str, bytes]) -> bytes:
    """The list of some files."""
    return compose_list(Entry.of(path, content) for path, content in files.items())


def manifest(files: dict[str, bytes], content: bytes | None = None) -> Manifest:
    """A manifest for the node of the vectors. content: of another list than that of the files"""
    content = listed(files) if content is None else content
    about = Entry.of(LIST, content)
    return Manifest(
        BOARD, "0.3.0", 12, MPY, len(files), sum(map(len, files.values())), about.size,
        about.digest, signer().id,
    )  # fmt: skip


def signed(line: bytes, name: str = "main") -> bytes:
    """An offer of that manifest, whatever it says."""
    return line + b"\n" + base64.b64encode(signer(name).sign(line))


def write(folder: Path, files: dict[str, bytes] | None = None, **changes: object) -> Manifest:
    """The folder of a release for a board. changes: what its manifest says otherwise"""
    files = {**(FILES if files is None else files)}
    files.setdefault(KEYS, keys_txt().encode())
    told = replace(manifest(files), **changes)  # type: ignore[arg-type]
    for name, content in {
        **files, LIST: listed(files), OFFER: signed(told.line())
    }.items():  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return told


@dataclass(frozen=True)
class Vector:
    """An offer, with its list, and what a node that has HIGHEST has to make of them."""

    name: str
    offer: bytes
    listed: bytes
    good: bool = False


def vectors() -> list[Vector]:
    """What must be taken, and what must be refused and why."""
    return [*_offers(), *_lists()]


def _offers() -> list[Vector]:
    """The list is right in all of them."""
    files = {**FILES, KEYS: keys_txt().encode()}
    content = listed(files)
    told = manifest(files)
    line = told.line()
    offer = signed(line)
    signature = base64.b64decode(offer.partition(b"\n")[2])

    def coded(number: int) -> bytes:
        return line + b"\n" + base64.b64encode(number.to_bytes(384, "big"))

    right = {
        "as it must be": offer,
        "a downgrade from the highest serial": signed(
            replace(told, serial=7, downgrade=HIGHEST).line()
        ),
        "a downgrade from a higher serial": signed(replace(told, serial=7, downgrade=99).line()),
        "the next but one serial": signed(replace(told, serial=HIGHEST + 2).line()),
    }
    wrong = {
        "empty": b"",
        "no signature": line,
        "an empty signature": line + b"\n",
        "a signature that is cut": offer[:-4],
        "a signature with a byte more": line + b"\n" + base64.b64encode(signature + b"\0"),
        "a signature of zeros": coded(0),
        "a signature of one": coded(1),
        "a signature as large as the modulus": coded(int.from_bytes(signer().modulus, "big")),
        "signed by another key": signed(line, "other"),
        "signed by another key that it names": signed(
            replace(told, key=signer("other").id).line(), "other"
        ),
        "signed by the right key and naming another": signed(
            replace(told, key=signer("other").id).line()
        ),
        "another signature of the same key": line + b"\n" + offer.partition(b"\n")[2][::-1],
        "another board": signed(replace(told, board="ESP32_GENERIC").line()),
        "another .mpy version": signed(replace(told, mpy=5).line()),
        "the serial that is there": signed(replace(told, serial=HIGHEST).line()),
        "a lower serial": signed(replace(told, serial=HIGHEST - 1).line()),
        "a downgrade from less than what is there": signed(
            replace(told, serial=7, downgrade=HIGHEST - 1).line()
        ),
        "another format": signed(line.replace(b'"update":1', b'"update":2')),
        "no JSON": signed(b"update 12"),
        "a JSON list": signed(b"[1]"),
        "no serial": signed(line.replace(b'"serial":12,', b"")),
        "a serial in quotes": signed(line.replace(b'"serial":12', b'"serial":"12"')),
        "a serial with a fraction": signed(line.replace(b'"serial":12', b'"serial":12.5')),
        "a serial of 2^30": signed(line.replace(b'"serial":12', b'"serial":%d' % (1 << 30))),
        "a list of 1 MB": signed(replace(told, list_size=1 << 20).line()),
        "a manifest of 1 MB": signed(replace(told, version="1" * (1 << 20)).line()),
        "more files than allowed": signed(replace(told, files=401).line()),
    }
    return [
        *(Vector(name, each, content, True) for name, each in right.items()),
        *(Vector(name, each, content) for name, each in wrong.items()),
    ]


def _lists() -> list[Vector]:
    """Each is the one that was signed, except in the first four."""
    files = {**FILES, KEYS: keys_txt().encode()}
    content = listed(files)
    offer = signed(manifest(files).line())
    entry = Entry.of("lib/x.mpy", b"M\x06")

    def of(content: bytes, count: int = len(files)) -> Vector:
        told = replace(manifest(files, content), files=count)
        return Vector("", signed(told.line()), content)

    def path(name: str) -> Vector:
        more = [*content.splitlines(True), replace(entry, path=name).line().encode()]
        more.sort(key=_path)
        return of(b"".join(more), len(files) + 1)

    lines: list[bytes] = content.splitlines(True)
    wrong = {
        "a list that is cut": Vector("", offer, content[:-1]),
        "a list that is empty": Vector("", offer, b""),
        "a list with a line more": Vector("", offer, content + entry.line().encode()),
        "another list of the same size": Vector("", offer, content.replace(b"main", b"Main")),
        "no newline at the end": of(content[:-1]),
        "an empty line": of(content + b"\n"),
        "a file twice": of(lines[0] + content, len(files) + 1),
        "not in order": of(b"".join(reversed(lines))),
        "a hash that is cut": of(content[1:]),
        "a hash in capitals": of(lines[0].upper() + b"".join(lines[1:])),
        "a size below zero": of(content.replace(b" 15 ", b" -1 ")),
        "a size with a letter": of(content.replace(b" 15 ", b" 1x ")),
        "a file of 2 MB": of(content.replace(b" 15 ", b" %d " % (2 << 20))),
        "other bytes than the manifest says": of(content.replace(b" 15 ", b" 16 ")),
        "more files than the manifest says": of(content, 4),
        "a path outside of the slot": path("../boot.py"),
        "a path outside of the slot, later": path("lib/../../boot.py"),
        "an absolute path": path("/boot.py"),
        "an empty part": path("lib//x.mpy"),
        "a folder": path("lib/x/"),
        "a hidden file": path("lib/.x"),
        "a backslash": path("lib\\x.mpy"),
        "a space": path("lib/x y.mpy"),
        "a zero byte": path("lib/x\0.mpy"),
        "a path of 65 characters": path("lib/" + "x" * 61),
        "no path": path(""),
        "boot.py": path("boot.py"),
        "a config": path("config.json"),
    }
    return [replace(vector, name=name) for name, vector in wrong.items()]


def _path(line: bytes) -> bytes:
    """What a list is sorted by."""
    return line.split(b" ", 2)[2]
