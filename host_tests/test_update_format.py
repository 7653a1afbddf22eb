"""The format of updates: what the reference verifier takes, and that it refuses anything else."""

from __future__ import annotations

import base64
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from host_tests.harness import updates
from host_tests.harness.interpreter import Interpreter
from host_tests.harness.updates import BOARD, FILES, HIGHEST, MPY, Vector
from tools.shared.paths import ROOT
from tools.update import manifest, verify
from tools.update.manifest import KEYS, LIST, OFFER, Refused

TRUSTED = verify.parse_keys(updates.keys_txt())
VECTORS = updates.vectors()


def taken(vector: Vector) -> None:
    """What the node of the vectors does with them; raises Refused."""
    told = verify.opened(vector.offer, TRUSTED)
    verify.check_for_node(told, BOARD, MPY, HIGHEST)
    manifest.parse_list(vector.listed, told)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_what_is_wrong_is_refused_and_nothing_else(vector: Vector) -> None:
    if vector.good:
        taken(vector)
    else:
        with pytest.raises(Refused):
            taken(vector)


def test_a_node_judges_the_same(interpreter: Interpreter, tmp_path: Path) -> None:
    """The code that runs on the board, with the same offers and lists."""
    (tmp_path / "keys.txt").write_text(updates.keys_txt("third", "main"))
    vectors = [each for each in VECTORS if len(each.offer) < 2000]
    for number, vector in enumerate(vectors):
        (tmp_path / f"{number}.offer").write_bytes(vector.offer)
        (tmp_path / f"{number}.list").write_bytes(vector.listed)
    script = ROOT / "host_tests" / "scripts" / "update_vectors.py"
    done = interpreter.run(script, str(tmp_path), BOARD, str(HIGHEST), heap="256K")
    said = done.stdout.splitlines()
    assert (done.returncode, len(said)) == (0, len(vectors)), done.stdout + done.stderr
    wrong = [
        (vector.name, words)
        for vector, words in zip(vectors, said, strict=True)
        if (words == "good") != vector.good
    ]
    assert wrong == []


def test_each_rule_has_words_of_its_own() -> None:
    """So that nothing is refused for another reason than it should be."""
    said = []
    for vector in VECTORS:
        try:
            taken(vector)
        except Refused as error:
            said.append(str(error))
    assert len(set(said)) > 25


def test_every_single_bit_of_an_offer_counts() -> None:
    offer = updates.signed(updates.manifest(FILES).line())
    verify.opened(offer, TRUSTED)
    for at in range(len(offer)):
        for bit in range(8):
            flipped = bytearray(offer)
            flipped[at] ^= 1 << bit
            with pytest.raises(Refused):
                verify.opened(bytes(flipped), TRUSTED)


def test_every_single_bit_of_a_list_counts() -> None:
    content = updates.listed(FILES)
    told = updates.manifest(FILES)
    assert len(manifest.parse_list(content, told)) == len(FILES)
    for at in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(Refused):
            manifest.parse_list(bytes(flipped), told)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_bit_of_a_file_counts(content: bytes, data: st.DataObject) -> None:
    entry = manifest.Entry.of("main.py", content)
    verify.check_file(entry, content)
    at = data.draw(st.integers(0, len(content) * 8 - 1))
    flipped = bytearray(content)
    flipped[at // 8] ^= 1 << at % 8
    with pytest.raises(Refused):
        verify.check_file(entry, bytes(flipped))


@given(st.binary(max_size=1500))
def test_garbage_is_refused_in_words(garbage: bytes) -> None:
    with pytest.raises(Refused):
        verify.opened(garbage, TRUSTED)
    with pytest.raises(Refused):
        verify.opened(updates.signed(garbage.replace(b"\n", b" ")), TRUSTED)


@given(st.text(max_size=80))
def test_a_path_that_is_taken_stays_in_the_slot(path: str) -> None:
    line = f"{hashlib.sha256(b'').hexdigest()} 0 {path}\n".encode()
    told = replace(updates.manifest({}, line), files=1)
    try:
        manifest.parse_list(line, told)
    except Refused:
        return
    assert (Path("/slot") / path).resolve().is_relative_to("/slot") and path


@given(
    st.integers(1, manifest.HIGHEST_SERIAL),
    st.none() | st.integers(1, manifest.HIGHEST_SERIAL),
    st.integers(0, manifest.HIGHEST_SERIAL),
)
def test_serials_only_grow_unless_a_downgrade_says_so(
    serial: int, downgrade: int | None, highest: int
) -> None:
    told = replace(updates.manifest(FILES), serial=serial, downgrade=downgrade)
    assert manifest.parse(told.line()) == told
    if serial > highest or (downgrade is not None and downgrade >= highest):
        verify.check_for_node(told, BOARD, MPY, highest)
    else:
        with pytest.raises(Refused):
            verify.check_for_node(told, BOARD, MPY, highest)


# --- RSA: against the package cryptography, and against what is known to go wrong


@given(st.binary(max_size=300))
def test_both_implementations_agree(message: bytes) -> None:
    signer = updates.signer()
    signature = signer.sign(message)
    assert verify.is_signature(signature, message, signer.modulus)
    assert not verify.is_signature(signature, message + b"\0", signer.modulus)
    key = rsa.RSAPublicNumbers(verify.EXPONENT, int.from_bytes(signer.modulus, "big"))
    key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("padding_bytes", [b"\xff" * 8, b"\x01" + b"\xff" * 100, b""])
def test_padding_that_hides_something_is_refused(padding_bytes: bytes) -> None:
    """Bleichenbacher's forgery: the hash stands early, and the rest is free to be chosen."""
    private = rsa.generate_private_key(public_exponent=verify.EXPONENT, key_size=3072)
    numbers = private.private_numbers()
    n = numbers.public_numbers.n
    told = verify._SHA256 + hashlib.sha256(b"message").digest()
    block = (b"\x00\x01" + padding_bytes + b"\x00" + told).ljust(384, b"\xaa")
    forged = pow(int.from_bytes(block, "big"), numbers.d, n).to_bytes(384, "big")
    assert not verify.is_signature(forged, b"message", n.to_bytes(384, "big"))


# --- keys.txt


def test_a_node_may_trust_three_keys() -> None:
    assert len(verify.parse_keys(updates.keys_txt("main", "other", "third"))) == 3
    for text in ("", updates.keys_txt("main", "other", "third", "fourth"), "x\n", "x y z\n"):
        with pytest.raises(Refused):
            verify.parse_keys(text)


def test_every_bit_of_a_key_counts() -> None:
    modulus = updates.signer().modulus
    line = verify.key_line(modulus)
    for at in range(0, 384 * 8, 7):
        flipped = bytearray(modulus)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(Refused):
            verify.parse_keys(f"{line[:8]} {base64.b64encode(flipped).decode()}\n")


# --- a folder


def changed_folder(tmp_path: Path, good: Path, name: str) -> Path:
    folder = tmp_path / name
    shutil.copytree(good, folder)
    return folder


def test_a_folder_is_checked_file_by_file(tmp_path: Path) -> None:
    good = tmp_path / "good"
    told = updates.write(good)
    assert verify.check_folder(good, TRUSTED)[0] == told
    for name in (OFFER, LIST, *FILES):
        folder = changed_folder(tmp_path, good, name.replace("/", "-"))
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        with pytest.raises(Refused):
            verify.check_folder(folder, TRUSTED)
        (folder / name).unlink()
        with pytest.raises(Refused, match=f"{name} can't be read"):
            verify.check_folder(folder, TRUSTED)


def test_a_folder_may_hold_nothing_else(tmp_path: Path) -> None:
    updates.write(tmp_path)
    (tmp_path / "lib" / "more.mpy").write_bytes(b"M\x06")
    with pytest.raises(Refused, match=r"lib/more\.mpy is not in the list"):
        verify.check_folder(tmp_path, TRUSTED)


@pytest.mark.parametrize("content", [b"M\x05", b"", b"X\x06"])
def test_every_mpy_file_has_the_version_that_is_signed(tmp_path: Path, content: bytes) -> None:
    updates.write(tmp_path, {**FILES, "lib/x.mpy": content})
    with pytest.raises(Refused, match=r"lib/x\.mpy is not an \.mpy file of version 6"):
        verify.check_folder(tmp_path, TRUSTED)


def test_keys_that_no_node_could_read_are_refused(tmp_path: Path) -> None:
    updates.write(tmp_path, {**FILES, KEYS: b"no key\n"})
    with pytest.raises(Refused, match=r"line 1 of keys\.txt is not a key"):
        verify.check_folder(tmp_path, TRUSTED)


@pytest.mark.parametrize(
    "paths", [["a", "a/b"], ["lib/x", "lib/x/y.mpy"], ["main.py", "Main.py"], ["A/b", "a"]]
)
def test_paths_that_a_file_system_can_not_hold_together_are_refused(paths: list[str]) -> None:
    files = dict.fromkeys(paths, b"")
    content = updates.listed(files)
    with pytest.raises(Refused):
        manifest.parse_list(content, updates.manifest(files))
