"""`keys`: made, kept safe, replaced; and what it says when something is wrong."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from host_tests.harness.commands import Command
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.update import keyring, keys, verify
from tools.update.keyring import Keyring, Signer, unlock

PASSPHRASE = "horse battery staple"


KEYS = Command(keys.command, hidden=PASSPHRASE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the keys of the test are to be."""
    monkeypatch.setenv(keyring.FOLDER_VARIABLE, str(tmp_path / "keys"))
    monkeypatch.setenv(keyring.PASSPHRASE_VARIABLE, PASSPHRASE)
    return tmp_path / "keys"


def test_a_key_is_made_encrypted_and_for_its_owner_alone(folder: Path) -> None:
    assert f"in {folder}/main.pem" in KEYS.said("make")
    path = folder / "main.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    key = load_pem_private_key(path.read_bytes(), PASSPHRASE.encode())
    assert key.key_size == 3072  # type: ignore[union-attr]
    with pytest.raises(ValueError):
        load_pem_private_key(path.read_bytes(), b"another passphrase")
    for each in folder.iterdir():
        assert PASSPHRASE not in each.read_text()


def test_a_passphrase_is_typed_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keyring.PASSPHRASE_VARIABLE)
    output = KEYS.said("make", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert PASSPHRASE not in output
    Signer(folder / "main.pem", PASSPHRASE)


def test_a_short_passphrase_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keyring.PASSPHRASE_VARIABLE, "secret")
    error = KEYS.refused("make")
    assert "6 characters" in error and "12 or more" in error and "secret" not in error
    assert not (folder / "main.pem").exists()


def test_what_nodes_trust_is_shown_and_written(folder: Path, tmp_path: Path) -> None:
    KEYS.said("make")
    KEYS.said("make", "spare")
    shown = KEYS.said("show")
    assert list(verify.parse_keys(shown)) == [key.id for key in Keyring().keys]
    assert KEYS.said("show", "spare") == shown.splitlines(keepends=True)[1]
    KEYS.said("show", "--out", str(tmp_path / "keys.txt"))
    assert (tmp_path / "keys.txt").read_text() == shown
    assert "elsewhere" not in KEYS.said("list")
    (folder / "spare.pem").rename(tmp_path / "spare.pem")
    assert "elsewhere" in KEYS.said("list")


def test_a_key_is_replaced_in_steps_that_it_tells(folder: Path) -> None:
    KEYS.said("make")
    output = KEYS.said("rotate", "main", "next")
    steps = ("sign --key main", "wait until", "keys retire main", "sign --key next")
    places = [output.index(step) for step in steps]
    assert places == sorted(places)
    assert [key.name for key in Keyring().trusted] == ["main", "next"]
    assert "nodes trust next" in KEYS.said("retire", "main")
    assert [key.name for key in Keyring().trusted] == ["next"]
    assert (folder / "main.pem").exists()


def test_the_last_key_stays(folder: Path) -> None:
    KEYS.said("make")
    assert "only key that nodes trust" in KEYS.refused("retire", "main")


def test_nodes_hold_three_keys(folder: Path) -> None:
    for name in ("a", "b", "c"):
        KEYS.said("make", name)
    error = KEYS.refused("make", "d")
    assert "at most 3 keys, and a, b, c" in error and "keys retire" in error
    KEYS.said("retire", "b")
    KEYS.said("make", "d")


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a b", "x" * 33])
def test_a_name_that_is_no_file_is_refused(folder: Path, name: str) -> None:
    assert "can't be the name of a key" in KEYS.refused("make", name)


def test_a_key_is_never_written_over(folder: Path) -> None:
    KEYS.said("make")
    before = (folder / "main.pem").read_bytes()
    assert "already" in KEYS.refused("make")
    (folder / "keyring.json").unlink()
    assert "already" in KEYS.refused("make")
    assert (folder / "main.pem").read_bytes() == before


def test_unknown_keys_are_told_from_known_ones(folder: Path) -> None:
    assert "Make one" in KEYS.refused("show", "main")
    KEYS.said("make")
    assert "There are main." in KEYS.refused("show", "mian")
    assert "There are main." in KEYS.refused("rotate", "mian", "next")


def test_a_damaged_keyring_is_told(folder: Path) -> None:
    folder.mkdir()
    (folder / "keyring.json").write_text("{}")
    assert "is damaged" in KEYS.refused("list")


# --- kept out of repositories, and for one person


@pytest.mark.parametrize("mark", ["folder", "file"])
def test_keys_are_refused_in_a_git_work_tree(tmp_path: Path, folder: Path, mark: str) -> None:
    if mark == "folder":
        (tmp_path / ".git").mkdir()
    else:  # of a worktree or a submodule
        (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    error = KEYS.refused("make")
    assert f"in the git work tree {tmp_path}" in error and "--keys" in error
    assert not folder.exists()


def test_a_link_into_a_work_tree_is_seen_through(tmp_path: Path, folder: Path) -> None:
    tree = tmp_path / "tree"
    (tree / ".git").mkdir(parents=True)
    folder.symlink_to(tree)
    assert "git work tree" in KEYS.refused("make")


def test_a_key_that_others_can_read_is_not_used(folder: Path) -> None:
    KEYS.said("make")
    path = folder / "main.pem"
    unlock(Keyring(), "main")
    path.chmod(0o640)
    with pytest.raises(ToolError, match=r"mode 640\)\n  Run: chmod 600"):
        unlock(Keyring(), "main")


def test_a_keyring_that_was_lost_is_made_again_from_the_keys(folder: Path, tmp_path: Path) -> None:
    for name in ("main", "spare"):
        KEYS.said("make", name)
    text = KEYS.said("show")
    stick = tmp_path / "spare.pem"
    (folder / "spare.pem").rename(stick)
    (folder / "keyring.json").unlink()
    assert "added: main, id" in KEYS.said("add", "main")
    assert "nodes are to trust main, spare (2 of 3)" in KEYS.said("add", str(stick))
    assert KEYS.said("show") == text
    assert "spare is in the keyring already" in KEYS.refused("add", str(stick))
    assert "isn't there" in KEYS.refused("add", "third")


def test_a_key_on_another_disk_is_named_by_its_file(folder: Path, tmp_path: Path) -> None:
    KEYS.said("make")
    elsewhere = tmp_path / "stick" / "main.pem"
    elsewhere.parent.mkdir()
    (folder / "main.pem").rename(elsewhere)
    with pytest.raises(ToolError, match=r"--key FILE\.pem"):
        unlock(Keyring(), "main")
    assert unlock(Keyring(), str(elsewhere)).id == Keyring().public("main").id


def test_a_wrong_passphrase_is_told_without_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KEYS.said("make")
    monkeypatch.setenv(keyring.PASSPHRASE_VARIABLE, "something else")
    with pytest.raises(ToolError, match="the passphrase is wrong") as caught:
        unlock(Keyring(), "main")
    assert "something else" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.pem"
    path.write_text(content)
    with pytest.raises(ToolError, match="is not a private key"):
        Signer(path, PASSPHRASE)


@pytest.mark.parametrize(
    ("key", "lock", "words"),
    [(lambda: rsa.generate_private_key(65537, 2048), True, "is not a key of RSA-3072"),
     (lambda: rsa.generate_private_key(3, 3072), True, "its exponent is 3"),
     (Ed25519PrivateKey.generate, True, "is not a key of RSA-3072"),
     (Ed25519PrivateKey.generate, False, "is not encrypted")],
)  # fmt: skip
def test_keys_of_another_kind_are_refused(
    tmp_path: Path, key: Callable[[], RSAPrivateKey], lock: bool, words: str
) -> None:
    path = tmp_path / "x.pem"
    locked = BestAvailableEncryption(PASSPHRASE.encode()) if lock else NoEncryption()
    path.write_bytes(key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    with pytest.raises(ToolError, match=words):
        Signer(path, PASSPHRASE)


def test_it_is_a_command_with_errors_that_help(tmp_path: Path) -> None:
    environment = {**os.environ, "PETREL_KEYS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tools", "keys", "list"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: there are no keys in {tmp_path}\n  Make one: petrel keys make\n"
