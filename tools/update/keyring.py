"""The keys that sign releases: a folder outside of any repository.

NAME.pem is a private key, encrypted with a passphrase (PKCS #8). keyring.json has what is public:
each key's modulus, whether nodes are to trust it, and the serial of the last release. A private
key may be kept elsewhere, on a stick in a drawer; the keyring still knows its public half.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import click
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.update.verify import BYTES, EXPONENT, MOST_KEYS, key_id, key_line

FOLDER_VARIABLE = "PETREL_KEYS"
PASSPHRASE_VARIABLE = "PETREL_PASSPHRASE"
SHORTEST_PASSPHRASE = 12
_INDEX = "keyring.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


@dataclass(frozen=True)
class PublicKey:
    """What everybody may know of a key."""

    name: str
    modulus: str  # base64
    trusted: bool
    made: str  # the day

    @property
    def raw(self) -> bytes:
        """The modulus, big-endian."""
        return base64.b64decode(self.modulus)

    @property
    def id(self) -> str:
        """What a manifest calls it."""
        return key_id(self.raw)


class Keyring:
    """The keys in a folder. What changes is written before the method returns."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or default_folder()).expanduser()
        self._serial = 0
        self._keys: dict[str, PublicKey] = {}
        self._load()

    @property
    def keys(self) -> list[PublicKey]:
        """All of them, in the order in which they were made."""
        return list(self._keys.values())

    @property
    def trusted(self) -> list[PublicKey]:
        """Those that nodes are to trust."""
        return [key for key in self._keys.values() if key.trusted]

    @property
    def serial(self) -> int:
        """The serial of the last release; 0 if there was none."""
        return self._serial

    def keys_txt(self) -> str:
        """The keys.txt of a node."""
        return "".join(key_line(key.raw) for key in self.trusted)

    def public(self, name: str) -> PublicKey:
        """A key by its name; raises ToolError if there is none."""
        if name not in self._keys:
            known = ", ".join(self._keys)
            raise ToolError(
                f"there is no key {name!r} in {self.folder}",
                f"There are {known}." if known else "Make one: petrel keys make main",
            )
        return self._keys[name]

    def path(self, name: str) -> Path:
        """Where a private key is kept, if it is kept here."""
        return self.folder / f"{name}.pem"

    def make(self, name: str, passphrase: str) -> PublicKey:
        """Make a key that nodes are to trust; raises ToolError."""
        self.check_new(name)
        private = rsa.generate_private_key(public_exponent=EXPONENT, key_size=BYTES * 8)
        locked = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )
        modulus = private.public_key().public_numbers().n.to_bytes(BYTES, "big")
        key = PublicKey(name, base64.b64encode(modulus).decode(), True, date.today().isoformat())
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Lock(self.folder / "lock"):
            self._load()
            self.check_new(name)
            _write_new(self.path(name), locked)
            self._keys[name] = key
            self._save()
        return key

    def check_new(self, name: str) -> None:
        """Raise ToolError unless a key of that name can be made."""
        if not _NAME.fullmatch(name):
            raise ToolError(
                f"{name!r} can't be the name of a key",
                "Take letters, digits and - _ . up to 32 of them, such as main.",
            )
        outside_of_git(self.folder)
        if name in self._keys or self.path(name).exists():
            raise ToolError(
                f"there is a key {name!r} already", "Take another name; a key is never replaced."
            )
        self._check_room()

    def add(self, name: str, modulus: bytes) -> PublicKey:
        """Take in a key whose file there is, for nodes to trust it; raises ToolError."""
        with Lock(self.folder / "lock"):
            self._load()
            if name in self._keys or modulus in [key.raw for key in self.keys]:
                raise ToolError(f"{name} is in the keyring already", "petrel keys list shows it.")
            self._check_room()
            coded = base64.b64encode(modulus).decode()
            self._keys[name] = PublicKey(name, coded, True, date.today().isoformat())
            self._save()
        return self._keys[name]

    def _check_room(self) -> None:
        if len(self.trusted) >= MOST_KEYS:
            names = ", ".join(key.name for key in self.trusted)
            raise ToolError(
                f"nodes hold at most {MOST_KEYS} keys, and {names} are trusted",
                "Retire one first: petrel keys retire NAME",
            )

    def retire(self, name: str) -> None:
        """Have the next release make nodes forget a key. The last one stays."""
        with Lock(self.folder / "lock"):
            self._load()
            key = self.public(name)
            if self.trusted == [key]:
                raise ToolError(
                    f"{name} is the only key that nodes trust; without it they take no update",
                    f"Make another one first: petrel keys rotate {name} NEW",
                )
            self._keys[name] = replace(key, trusted=False)
            self._save()

    def used(self, serial: int) -> None:
        """Remember the serial of a release that was made."""
        with Lock(self.folder / "lock"):
            self._load()
            self._serial = max(self._serial, serial)
            self._save()

    def _load(self) -> None:
        try:
            said = json.loads((self.folder / _INDEX).read_text())
            self._serial = int(said["serial"])
            self._keys = {each["name"]: PublicKey(**each) for each in said["keys"]}
        except FileNotFoundError:
            self._serial, self._keys = 0, {}
        except (ValueError, KeyError, TypeError) as error:
            raise ToolError(
                f"{self.folder / _INDEX} is damaged", "Take it from your backup of that folder."
            ) from error

    def _save(self) -> None:
        said = {"serial": self._serial, "keys": [asdict(key) for key in self._keys.values()]}
        new = self.folder / f"{_INDEX}.new"
        new.write_text(json.dumps(said, indent=1) + "\n")
        new.replace(self.folder / _INDEX)


class Signer:
    """A private key that was unlocked."""

    def __init__(self, path: Path, passphrase: str) -> None:
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode())
        except TypeError:
            raise ToolError(
                f"{path} is not encrypted",
                "Keep no key without a passphrase; take one that petrel keys made.",
            ) from None
        except ValueError as error:
            wrong = "decrypt" in str(error).lower() or "password" in str(error).lower()
            raise ToolError(
                f"{path}: the passphrase is wrong" if wrong else f"{path} is not a private key",
                f"Try again; {PASSPHRASE_VARIABLE} is taken in place of what you type."
                if wrong
                else "Give a file that petrel keys made.",
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != BYTES * 8:
            raise ToolError(f"{path} is not a key of RSA-{BYTES * 8}", "Take one of petrel keys.")
        numbers = key.public_key().public_numbers()
        if numbers.e != EXPONENT:
            raise ToolError(f"{path}: its exponent is {numbers.e}", "Take a key of petrel keys.")
        self._key = key
        self.modulus = numbers.n.to_bytes(BYTES, "big")

    @property
    def id(self) -> str:
        """What a manifest calls the key."""
        return key_id(self.modulus)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message."""
        return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def default_folder() -> Path:
    """Where keys are kept if nothing else is said."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else Path(click.get_app_dir("petrel")) / "keys"


def outside_of_git(path: Path) -> None:
    """Raise ToolError if a path is in a git work tree, where a key would be committed one day."""
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / ".git").exists():
            raise ToolError(
                f"{path} is in the git work tree {folder}; keys don't belong there",
                f"Name another folder with --keys or {FOLDER_VARIABLE}.",
            )


def unlock(keyring: Keyring, named: str) -> Signer:
    """The key with a name, or in a file, unlocked; raises ToolError."""
    path = file_of(keyring, named)
    if path.parent == keyring.folder and path.stem == named:
        keyring.public(named)
    return unlocked(path)


def file_of(keyring: Keyring, named: str) -> Path:
    """Where the key with a name is kept, or the file that is named."""
    is_file = "/" in named or named.endswith(".pem")
    return Path(named).expanduser() if is_file else keyring.path(named)


def unlocked(path: Path) -> Signer:
    """The key in a file; raises ToolError."""
    if not path.exists():
        raise ToolError(
            f"{path} isn't there", "Is the key on another disk? Give its file: --key FILE.pem"
        )
    outside_of_git(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ToolError(f"others can read {path} (mode {mode:03o})", f"Run: chmod 600 {path}")
    return Signer(path, passphrase(f"passphrase of {path.stem}"))


def passphrase(words: str, new: bool = False) -> str:
    """PETREL_PASSPHRASE, or what somebody types; a new one is typed twice."""
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is None:
        given = click.prompt(words, hide_input=True, confirmation_prompt=new)
    if new and len(given) < SHORTEST_PASSPHRASE:
        raise ToolError(
            f"the passphrase has {len(given)} characters",
            f"Take {SHORTEST_PASSPHRASE} or more: four words that don't belong together.",
        )
    return given


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; never over another."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
