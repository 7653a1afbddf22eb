"""`release sign` and `release verify`: what nodes will take, in a folder for any web server."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_tests.harness import updates
from host_tests.harness.commands import Command
from tools.__main__ import main as petrel
from tools.make import mip
from tools.make.package import build, files
from tools.shared.paths import BUILD, MICROPYTHON
from tools.update import keyring, releases
from tools.update.keyring import Keyring
from tools.update.release import fitting
from tools.update.verify import check_folder, opened, parse_keys

RELEASE = Command(releases.command)
said, refused = RELEASE.said, RELEASE.refused


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """A key "main", and a working folder of the test's own."""
    monkeypatch.setenv(keyring.FOLDER_VARIABLE, str(tmp_path / "keys"))
    monkeypatch.setenv(keyring.PASSPHRASE_VARIABLE, updates.PASSPHRASE)
    monkeypatch.chdir(tmp_path)
    made = Keyring()
    made.make("main", updates.PASSPHRASE)
    return made


def test_a_release_has_what_deploy_copies_without_boot_and_config(keys: Keyring) -> None:
    output = said("sign", "ESP8266_GENERIC")
    folder = Path("updates/1/ESP8266_GENERIC")
    told, entries = check_folder(folder, parse_keys(keys.keys_txt()))
    assert (told.board, told.serial, told.mpy) == ("ESP8266_GENERIC", 1, 6)
    assert told.version == f"{mip.version()}+1" and told.version in output
    copied = {*files(build("ESP8266_GENERIC", quiet=True))}
    names = {entry.path for entry in entries}
    assert names == copied - {"boot.py", "main.py", "config.example.json"} | {"keys.txt"}
    for name in names - {"keys.txt"}:
        assert (folder / name).read_bytes() == (BUILD / "ESP8266_GENERIC" / name).read_bytes()
    assert (folder / "keys.txt").read_text() == keys.keys_txt()


def test_a_web_server_of_another_user_can_read_it() -> None:
    before = os.umask(0o077)
    try:
        said("sign", "UNIX")
    finally:
        os.umask(before)
    for path in Path("updates/1").rglob("*"):
        wanted = 0o755 if path.is_dir() else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_micropython_has_the_mpy_version_that_is_signed(keys: Keyring) -> None:
    said("sign", "UNIX")
    offer = Path("updates/1/UNIX/offer").read_bytes()
    code = "import sys; print(sys.implementation._mpy & 255)"
    done = subprocess.run([MICROPYTHON["64"], "-c", code], capture_output=True, text=True)
    assert opened(offer, parse_keys(keys.keys_txt())).mpy == int(done.stdout)


def test_serials_grow_whatever_is_lost() -> None:
    said("sign", "UNIX")
    said("sign", "UNIX")
    assert Path("updates/2").is_dir()
    Path("updates").rename("lost")
    said("sign", "UNIX")
    assert [each.name for each in Path("updates").iterdir() if each.is_dir()] == ["3"]
    Path("lost/7").mkdir()
    said("sign", "UNIX", "--out", "lost")
    assert Path("lost/8").is_dir()


def test_a_serial_that_nodes_would_refuse_is_not_signed(keys: Keyring) -> None:
    said("sign", "UNIX", "--serial", "5")
    error = refused("sign", "UNIX", "--serial", "4")
    assert "your last release had 5" in error and "--downgrade 5" in error
    assert "never used twice" in refused("sign", "UNIX", "--serial", "5", "--downgrade", "5")
    output = said("sign", "UNIX", "--serial", "4", "--downgrade", "5")
    assert "up to 5" in output
    told, _ = check_folder(Path("updates/4/UNIX"), parse_keys(keys.keys_txt()))
    assert (told.serial, told.downgrade) == (4, 5)
    said("sign", "UNIX")
    assert Path("updates/6").is_dir()


def test_a_board_without_room_for_two_slots_says_so() -> None:
    error = refused("sign", "PYBV11")
    assert "PYBV11 has 97,280 bytes for files; two slots of Petrel take" in error
    assert "make usb" in error
    assert not Path("updates/1").exists()
    assert "PYBV11" not in fitting() and "ESP8266_GENERIC" in fitting()


def test_an_unknown_board_is_told_before_the_passphrase_is_asked() -> None:
    assert "ESP8266_GENERIC" in refused("sign", "ESP8266")


def test_a_key_is_replaced_by_two_releases(keys: Keyring) -> None:
    first = keys.keys_txt()
    keys.make("next", updates.PASSPHRASE)
    said("sign", "UNIX", "--key", "main")
    folder = Path("updates/1/UNIX")
    check_folder(folder, parse_keys(first))
    both = (folder / "keys.txt").read_text()
    keys.retire("main")
    said("sign", "UNIX", "--key", "next")
    check_folder(Path("updates/2/UNIX"), parse_keys(both))
    assert list(parse_keys(Path("updates/2/UNIX/keys.txt").read_text())) == [
        keys.public("next").id
    ]
    assert "not trusted" in refused("verify", "updates/1")


def test_a_release_may_take_the_trust_from_its_own_key_and_says_so(keys: Keyring) -> None:
    keys.make("next", updates.PASSPHRASE)
    keys.retire("main")
    output = said("sign", "UNIX", "--key", "main")
    assert "makes nodes forget the key that it is signed with" in output


def test_verify_names_what_is_wrong(keys: Keyring) -> None:
    said("sign", "UNIX", "ESP8266_GENERIC")
    assert "good: nodes that trust these keys would take it" in said("verify", "updates/1")
    said("verify", "updates/1/UNIX")
    Path("others.txt").write_text(updates.keys_txt())
    assert "not trusted" in refused("verify", "updates/1", "--trusted", "others.txt")
    broken = Path("updates/1/UNIX/board.txt")
    broken.write_bytes(broken.read_bytes()[:-1] + b"x")
    error = refused("verify", "updates/1")
    assert error.startswith("updates/1/UNIX: board.txt is not the file that was signed\n")
    broken.unlink()
    assert "board.txt can't be read" in refused("verify", "updates/1")


def test_a_release_that_was_cut_short_is_made_again() -> None:
    """Nothing is served before it is whole."""
    Path("updates/1.partial/UNIX").mkdir(parents=True)
    Path("updates/1.partial/UNIX/rest").write_text("of the last time")
    said("sign", "UNIX")
    said("verify", "updates/1")
    assert sorted(each.name for each in Path("updates").iterdir()) == [".lock", "1"]


def test_a_version_still_stands_for_the_files_of_that_version() -> None:
    """`petrel release 0.2.0`, as before."""
    assert "is not a semantic version" in refused("v0.2.0")
    assert "is not a semantic version" in refused("files", "v0.2.0")


def test_deploy_puts_the_trusted_keys_onto_a_board(keys: Keyring, tmp_path: Path) -> None:
    keys.make("spare", updates.PASSPHRASE)
    deploy = ("deploy", "UNIX", "--to", "board")
    for _ in range(2):
        assert CliRunner().invoke(petrel, deploy).exception is None
        assert (tmp_path / "board" / "keys.txt").read_text() == keys.keys_txt()
        keys.retire("main")
    keys_txt = (tmp_path / "board" / "keys.txt").read_text()
    assert list(parse_keys(keys_txt)) == [key.id for key in keys.trusted]


@pytest.mark.parametrize(("board", "fits"), [("RPI_PICO", True), ("RPI_PICO_W", False)])
def test_deploy_leaves_room_for_an_update_and_says_where_there_is_none(
    keys: Keyring, board: str, fits: bool
) -> None:
    """In files, each of which takes a block of 4 KB, Petrel leaves too little of a Pico W."""
    said = CliRunner().invoke(petrel, ("deploy", board, "--to", "board")).output
    assert "files were left out" in said
    assert ("No update will fit beside this" in said) == (not fits)


def test_a_board_that_takes_no_update_gets_no_keys(tmp_path: Path) -> None:
    result = CliRunner().invoke(petrel, ("deploy", "PYBV11", "--to", "board"))
    assert result.exception is None and (tmp_path / "board" / "main.py").exists()
    assert not (tmp_path / "board" / "keys.txt").exists()
