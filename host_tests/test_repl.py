"""`make repl` on the simulated board: the parts of a config are there, and its page is true."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.shared import boards
from tools.shared.imports import drivers
from tools.shared.paths import ROOT
from tools.wiring.drivers import config_for, facts
from tools.wiring.parts import PARTS

PAGE = ROOT / "docs" / "sensors-repl.md"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def typed(lines: list[str], *arguments: str) -> tuple[str, list[str]]:
    """Type lines; returns what stands before the first prompt, and what each line printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tools", "repl", "UNIX", *arguments],
        cwd=ROOT, input="".join(f"{line}\n" for line in lines), text=True, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    first, *rest = re.split(r"^>>> ", done.stdout.replace("\r", ""), flags=re.M)
    outputs = [each.partition("\n")[2] for each in rest]
    assert len(outputs) == len(lines) + 1, done.stdout  # the last prompt gets Ctrl-D
    return first, outputs[:-1]


def test_a_session_prints_what_the_page_shows() -> None:
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", PAGE.read_text(), re.M | re.S))
    examples = doctest.DocTestParser().get_examples(text)
    assert len(examples) > 10
    _, outputs = typed([example.source.rstrip("\n") for example in examples])
    for example, output in zip(examples, outputs, strict=True):
        want = example.want
        if example.exc_msg is not None:
            assert output.startswith("Traceback (most recent call last):\n")
            want, output = example.exc_msg, output.splitlines()[-1] + "\n"
        assert doctest.OutputChecker().check_output(want, output, FLAGS), (example, output)


def test_the_greeting_shows_the_lines_of_the_page() -> None:
    said, _ = typed([])
    shown = re.search(r"^    from machine.*?\n\n", PAGE.read_text(), re.M | re.S)
    assert shown
    for line in shown[0].strip("\n").splitlines():
        assert line.strip() == "..." or f"\n{line}\n" in f"\n{said}"
    assert "Traceback" not in said and "run(measure(air))" in said


def test_every_driver_is_made(tmp_path: Path) -> None:
    """With the example of its page, each on a board of its own, as there aren't pins for all."""
    board = boards.load("UNIX")
    for at, some in enumerate((drivers()[::3], drivers()[1::3], drivers()[2::3])):
        entries = [config_for(driver, board) for driver in some]
        config = tmp_path / f"{at}.json"
        config.write_text(json.dumps({"sensors": entries}))
        said, outputs = typed([f"{driver}.FIELDS" for driver in some], "--config", str(config))
        assert "Traceback" not in said, said
        for driver, output in zip(some, outputs, strict=True):
            assert facts(driver)["fields"][0][0] in output, (driver, output)
    assert set(drivers()) == set(PARTS)


def test_names_that_are_no_variables_become_some(tmp_path: Path) -> None:
    names = {"class": "class_", "i2c": "i2c_", "run": "run_", "9-lives": "sensor9_lives"}
    button = {"driver": "button", "pull": "up", "invert": True}
    first = {"name": "air", "driver": "aht20", "sda": 21, "scl": 22}
    pins = (4, 13, 14, 18)
    config = tmp_path / "my.json"
    entries = [{"name": name, **button, "pin": pin} for name, pin in zip(names, pins, strict=True)]
    config.write_text(json.dumps({"sensors": [first, *entries]}))
    _, outputs = typed([f"{name}.read()" for name in names.values()], "--config", str(config))
    assert outputs == ["(None,)\n"] * len(names)


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"sensors": [{"name": "a", "driver": "bme208"}]}', 'Did you mean "bme280"?'),
        ('{"sensors": [3]}', "sensors[0]"),
        ('{"sensors": {}}', "sensors"),
        ("[]", "has to be an object"),
        ("{", "make check CONFIG="),
    ],
)
def test_a_wrong_config_is_an_error_that_says_what(text: str, said: str, tmp_path: Path) -> None:
    config = tmp_path / "my.json"
    config.write_text(text)
    command = [sys.executable, "-m", "tools", "repl", "UNIX", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr


def test_a_real_board_takes_no_config(tmp_path: Path) -> None:
    config = tmp_path / "my.json"
    config.write_text("{}")
    command = [sys.executable, "-m", "tools", "repl", "PYBV11", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "make deploy BOARD=PYBV11" in done.stderr
