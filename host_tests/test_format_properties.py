"""Readings in MessagePack and CBOR, against the libraries that others read them with."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from host_tests.harness.interpreter import Interpreter

FORMATS = ("msgpack", "cbor")
ENCODE: dict[str, Any] = {
    name: importlib.import_module(f"node.format.{name}").encode for name in (*FORMATS, "plain")
}
DECODE: dict[str, Callable[[bytes], Any]] = {
    "msgpack": lambda raw: msgpack.unpackb(raw, strict_map_key=True),
    "cbor": cbor2.loads,
}
LATE: Any = importlib.import_module("node.format.late")
STAMP: Any = importlib.import_module("node.network.stamp")

whole = st.integers(-(2**63), 2**63 - 1)
decimals = st.builds(
    lambda number, places: f"{number:.{places}f}",
    st.floats(-1e7, 1e7, allow_nan=False), st.integers(0, 7),
)  # fmt: skip
floats = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
shortest = floats.map(lambda number: f"{number:.7g}")
texts = st.text(st.characters(codec="utf-8"), max_size=70)
lists = st.lists(st.integers(0, 255) | st.booleans() | texts, max_size=20)
values = decimals | shortest | (whole | st.booleans() | texts | lists).map(json.dumps)
counts = st.integers(0, 2**32 - 1)


def reading(value: str, unit: str = "C", seq: int = 17, boot: int = 9301532, **time: int) -> str:
    """As node.sensor writes it."""
    ((name, when),) = (time or {"time": 1_795_218_370}).items()
    return (
        f'{{"value": {value}, "unit": {json.dumps(unit)}, "seq": {seq}, "boot": {boot}, '
        f'"{name}": {when}}}'
    )


@pytest.mark.parametrize("name", FORMATS)
@given(values, st.text(st.characters(codec="utf-8"), max_size=9), counts, counts, counts)
@example("9.3", "°C", 0, 0, 0)
@example("-0.5", '", "unit": ', 23, 24, 255)
@example("1e+38", "", 256, 65536, 2**32 - 1)
@example("21.5", "C", 127, 128, 65535)
def test_a_reading_says_the_same_in_binary(
    name: str, value: str, unit: str, seq: int, boot: int, time: int
) -> None:
    said = reading(value, unit, seq, boot, time=time)
    assert DECODE[name](ENCODE[name](said)) == json.loads(said)


@pytest.mark.parametrize("name", FORMATS)
def test_a_reading_in_binary_is_shorter(name: str) -> None:
    said = reading("21.5")
    assert len(ENCODE[name](said)) <= 47 < 75 < len(said)


@pytest.mark.parametrize(
    ("value", "plain"),
    [("21.50", "21.50"), ("true", "true"), ('"a \\"b"', 'a "b'), ("[1, 2]", "[1, 2]")],
)
def test_a_plain_one_is_its_value(value: str, plain: str) -> None:
    assert ENCODE["plain"](reading(value, ', "unit": ')) == plain.encode()


@pytest.mark.parametrize("name", FORMATS)
@given(values, counts, st.integers(0, 2**31), st.integers(0, 2**31 - 1))
@example("853502.1", 0, 125, 0)
def test_the_time_comes_later_as_in_json(
    name: str, value: str, boot: int, up: int, at: int
) -> None:
    said = reading(value, boot=boot, uptime=up)
    wanted = json.loads(STAMP.stamp(said.encode(), boot, at))
    assert wanted["restamped"] is True
    for before in (b"", b"\x00\x05\x04\x03\x00\x01x"):  # the properties of MQTT 5
        found = LATE.stamp(before + ENCODE[name](said), boot, at)
        assert found.startswith(before)
        assert DECODE[name](found[len(before) :]) == wanted


@pytest.mark.parametrize("name", FORMATS)
@given(values, counts, counts)
def test_other_readings_stay_as_they_are(name: str, value: str, boot: int, time: int) -> None:
    for said in (reading(value, boot=boot, time=time), reading(value, boot=boot + 1, uptime=time)):
        for raw in (ENCODE[name](said), said.encode()):
            assert LATE.stamp(raw, boot, 1) == raw


NUMBERS = [
    "0", "-1", "127", "128", "-32", "-33", "-128", "-129", "65536", "-65537", "4294967296",
    "-4294967297", "0.1", "-0.25", "9.3", "21.5", "100.0", "1e+10", "-1.5e-07", "3.402823e+38",
    "1.175494e-38", "16777217.0", "0.3333333", "true", '"open"', "[255, 0, 12]", "0.0",
]  # fmt: skip


def test_a_board_encodes_the_same(interpreter: Interpreter, tmp_path: Path) -> None:
    """Whatever its floats have, 32 bits or 64."""
    wanted = {name: [ENCODE[name](reading(n)).hex() for n in NUMBERS] for name in FORMATS}
    script = tmp_path / "encode.py"
    script.write_text(
        "import json, sys\n"
        f"for name in {FORMATS!r}:\n"
        "    module = __import__('node.format.' + name, None, None, ('encode',))\n"
        f"    for said in {[reading(n) for n in NUMBERS]!r}:\n"
        "        print(name, module.encode(said).hex())\n"
    )
    done = interpreter.run(script)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[str]] = {name: [] for name in FORMATS}
    for line in done.stdout.splitlines():
        name, encoded = line.split()
        found[name].append(encoded)
    assert found == wanted
