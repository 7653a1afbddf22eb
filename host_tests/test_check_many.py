"""The check of many configs at once says what the check of one says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.config import many
from tools.config.check import of_file
from tools.make.package import build
from tools.shared.paths import FIRMWARE

BOARD = "ESP8266_GENERIC"
GOOD = {
    "node": "n",
    "wifi": {"ssid": "home", "password": "long enough"},
    "mqtt": {"host": "10.0.0.2"},
    "sensors": [{"name": "door", "driver": "digital", "pin": 4, "pull": "up"}],
}


def write(folder: Path, configs: dict[str, object]) -> list[str]:
    for name, config in configs.items():
        text = config if isinstance(config, str) else json.dumps(config)
        (folder / f"{name}.json").write_text(text)
    return list(configs)


def check(folder: Path, names: list[str]) -> dict[str, tuple[list[str], list[str]]]:
    return many.of_files(folder, BOARD, build(BOARD, quiet=True) / "lib", names)


def test_each_is_judged_as_if_it_were_alone(tmp_path: Path) -> None:
    """Whatever stands before it: good ones, bad ones and their drivers take turns."""
    door = GOOD["sensors"][0]  # type: ignore[index]
    configs: dict[str, object] = {
        "good": GOOD,
        "no-json": "{",
        "empty": "",
        "example": (FIRMWARE / "config.json").read_text(),
        "pin": {**GOOD, "sensors": [{**door, "pin": 99}]},
        "key": {**GOOD, "sensor": []},
        "certificate": {**GOOD, "mqtt": {"host": "a.example", "ca": "missing.der"}},
        "driver": {**GOOD, "sensors": [{**door, "driver": "digitl"}]},
        "warning": {**GOOD, "mqtt": {"host": "localhost"}},
        "boot-pin": {**GOOD, "sensors": [{**door, "pin": 0}]},
        "again": GOOD,
    }
    names = write(tmp_path, configs)
    found = check(tmp_path, names)
    alone = {name: of_file(tmp_path / f"{name}.json", BOARD) for name in names}
    assert found == alone
    assert {name for name in names if found[name][0]} == {
        "no-json", "empty", "example", "pin", "key", "certificate", "driver"
    }  # fmt: skip
    assert found["warning"][1]


@pytest.mark.parametrize(
    "code", ["import sys; sys.exit()", "print('checked: [true, []]')", "raise MemoryError"]
)
def test_a_driver_that_breaks_the_check_breaks_that_of_no_other(tmp_path: Path, code: str) -> None:
    library = tmp_path / "lib"
    library.symlink_to(build(BOARD, quiet=True) / "lib")
    extended = tmp_path / "extended"
    extended.mkdir()
    for path in library.iterdir():
        if path.name != "sensors":
            (extended / path.name).symlink_to(path)
    (extended / "sensors").mkdir()
    for path in (library / "sensors").iterdir():
        (extended / "sensors" / path.name).symlink_to(path)
    (extended / "sensors" / "digital.mpy").unlink()
    (extended / "sensors" / "digital.py").write_text(code + "\n")
    relay = {**GOOD, "sensors": [{"name": "r", "driver": "relay", "pin": 14}]}
    names = write(tmp_path, {"a": relay, "b": GOOD, "c": relay})
    found = many.of_files(tmp_path, BOARD, extended, names)
    # What is in doubt is judged alone, by the driver that is in lib/, which is good.
    assert found == {name: ([], []) for name in names}


def test_progress_comes_to_the_end(tmp_path: Path) -> None:
    names = write(tmp_path, {f"n{number}": GOOD for number in range(150)})
    told: list[int] = []
    library = build(BOARD, quiet=True) / "lib"
    many.of_files(tmp_path, BOARD, library, names, told.append)
    assert sum(told) == 150 and len(told) > 1
