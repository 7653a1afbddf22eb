"""The check that a node makes before it takes a release, in CPython and with pow() alone.

It shares no code with what signs, which leaves that to the package cryptography: so a fault in one
of them shows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path

from tools.update.manifest import KEYS, LIST, OFFER, Entry, Manifest, Refused, parse, parse_list

BYTES = 384  # of a modulus and of a signature: RSA-3072
EXPONENT = 65537
MOST_KEYS = 3
_LONGEST_OFFER = 2048
# What PKCS #1 v1.5 puts before a SHA-256 (RFC 8017, 9.2, note 1).
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def key_id(modulus: bytes) -> str:
    """What a manifest calls a key."""
    return hashlib.sha256(modulus).hexdigest()[:8]


def key_line(modulus: bytes) -> str:
    """A key as it stands in keys.txt."""
    return f"{key_id(modulus)} {base64.b64encode(modulus).decode()}\n"


def parse_keys(text: str) -> dict[str, bytes]:
    """The moduli in a keys.txt, by their ids; raises Refused."""
    keys = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, _, coded = line.partition(" ")
        try:
            modulus = base64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError):
            modulus = b""
        if len(modulus) != BYTES or not modulus[0] & 0x80 or key_id(modulus) != name:
            raise Refused(f"line {number} of {KEYS} is not a key")
        keys[name] = modulus
    if not 1 <= len(keys) <= MOST_KEYS:
        raise Refused(f"{KEYS} has {len(keys)} keys; 1 to {MOST_KEYS} are allowed")
    return keys


def is_signature(signature: bytes, message: bytes, modulus: bytes) -> bool:
    """Whether a signature of a message was made with the key of a modulus."""
    number, n = int.from_bytes(signature, "big"), int.from_bytes(modulus, "big")
    if len(signature) != BYTES or number >= n:
        return False
    opened = pow(number, EXPONENT, n).to_bytes(BYTES, "big")
    told = _SHA256 + hashlib.sha256(message).digest()
    # All of it is compared, so nothing can hide in the padding.
    return opened == b"\x00\x01" + b"\xff" * (BYTES - len(told) - 3) + b"\x00" + told


def opened(offer: bytes, trusted: Mapping[str, bytes]) -> Manifest:
    """The manifest of an offer, if one of the trusted keys signed it; raises Refused."""
    if len(offer) > _LONGEST_OFFER:
        raise Refused(f"the offer has {len(offer)} bytes; {_LONGEST_OFFER} are allowed")
    line, newline, coded = offer.partition(b"\n")
    if not newline:
        raise Refused("the offer has no signature")
    try:
        signature = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("the signature is not base64") from None
    if base64.b64encode(signature) != coded:  # unused bits, which base64 lets one flip
        raise Refused("the signature is not base64 as it must be")
    # The key's name is read before its signature is checked: it only chooses among trusted ones.
    manifest = parse(line)
    if manifest.key not in trusted:
        raise Refused(f"it is signed with the key {manifest.key}, which is not trusted")
    if not is_signature(signature, line, trusted[manifest.key]):
        raise Refused("the signature is wrong")
    return manifest


def check_for_node(manifest: Manifest, board: str, mpy: int, highest: int) -> None:
    """Raise Refused unless a node may take it. highest: the highest serial that was good there."""
    if manifest.board != board:
        raise Refused(f"it is for {manifest.board}; this is {board}")
    if manifest.mpy != mpy:
        raise Refused(f"its .mpy files have version {manifest.mpy}; this MicroPython loads {mpy}")
    may_replace = manifest.downgrade is not None and manifest.downgrade >= highest
    if manifest.serial <= highest and not may_replace:
        raise Refused(f"serial {manifest.serial} is not higher than {highest}, which was there")


def check_file(entry: Entry, content: bytes) -> None:
    """Raise Refused unless a file is the one that was signed."""
    if len(content) != entry.size:
        raise Refused(f"{entry.path} has {len(content)} bytes, not {entry.size}")
    if hashlib.sha256(content).hexdigest() != entry.digest:
        raise Refused(f"{entry.path} is not the file that was signed")


def check_folder(folder: Path, trusted: Mapping[str, bytes]) -> tuple[Manifest, list[Entry]]:
    """What is in the folder of a release for one board, if all of it is right; raises Refused."""
    manifest = opened(_read(folder, OFFER), trusted)
    return manifest, check_files(folder, manifest)


def check_files(folder: Path, manifest: Manifest) -> list[Entry]:
    """The files of a release, if each is what the manifest means; raises Refused."""
    entries = parse_list(_read(folder, LIST), manifest)
    for entry in entries:
        content = _read(folder, entry.path)
        check_file(entry, content)
        if entry.path == KEYS:
            parse_keys(content.decode("ascii", "replace"))
        elif entry.path.endswith(".mpy") and content[:2] != bytes((ord("M"), manifest.mpy)):
            raise Refused(f"{entry.path} is not an .mpy file of version {manifest.mpy}")
    known = {OFFER, LIST, *(entry.path for entry in entries)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in known:
            raise Refused(f"{name} is not in the list")
    return entries


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise Refused(f"{name} can't be read: {error.strerror}") from error
