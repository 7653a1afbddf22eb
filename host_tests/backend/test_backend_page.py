"""docs/backend.md and docs/growing.md say what is so: every key, every default, every config."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from tools.backend.collect import BROKER_SETTINGS, command
from tools.backend.config import BackendConfig, load
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

PAGE = (ROOT / "docs" / "backend.md").read_text()
GROWING = (ROOT / "docs" / "growing.md").read_text()
# [web] and [alarms] have pages of their own.
TOLD = ("broker", "topics", "database", "retention", "updates")


def test_the_table_has_every_key_and_its_default() -> None:
    rows = re.findall(r"^\| (`\w+\.\w+`.*?) \| (.*?) \|", PAGE, re.MULTILINE)
    told: dict[str, str] = {}
    for keys, defaults in rows:
        names = re.findall(r"`([\w.]+)`", keys)
        values = re.findall(r"`(.+?)`", defaults) or [defaults]
        told |= dict(zip(names, values * len(names) if len(values) == 1 else values, strict=True))
    config = BackendConfig()
    for section in TOLD:
        model: BaseModel = getattr(config, section)
        for name, value in model:
            said = told.pop(f"{section}.{name}")
            if said != "off":
                assert tomllib.loads(f"x = {said}")["x"] == value, name
    assert told == {}


def test_a_broker_of_ones_own_is_given_the_settings_of_ours() -> None:
    assert {f"    {each}" for each in BROKER_SETTINGS} <= set(PAGE.splitlines())


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE + GROWING, re.DOTALL))
def test_its_configs_are_good(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(text)
    load(tmp_path / "x.toml")
    done = CliRunner().invoke(command, ["--config", f"{tmp_path}/x.toml", "--check"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[retention]\nreadings_days = -3", "retention.readings_days is -3; it must be greater"),
        ("[database]\nbatch = 0", "database.batch is 0; it must be greater than or equal to 1"),
        ("[broker]\nhots = 'x'", "there is no key broker.hots"),
        ("broker.host = []", r"broker.host is \[\]; it must be NAME or NAME:PORT, or a list"),
        ("broker.host = ['a', 7]", r"broker.host is \['a', 7\]; it must have NAME or .*, not 7"),
        ("broker.host = 7", r"broker.host is 7; it must be NAME or NAME:PORT, or a list of up to"),
        ("[web]\nport = 'x'", "web.port is 'x'; it must be a valid integer"),
        ("topics.base = ['petrel/#']", r"topics.base is \['petrel/#'\]; it must be like petrel"),
        ("[[mapping]]\nfilter = 'a/#/b'\nnode = 'x'\nsensor = 'y'",
         r"mapping\[0\].filter is 'a/#/b'; it must be a topic filter"),
        ("[[mapping]]\nfilter = 'a'\nnode = '{x}'\nsensor = 'y'", r"mapping\[0\].node is '\{x\}'"),
        ("[[mapping]]\nfilter = 'a'\nnode = 'x'", r"mapping\[0\].sensor is missing"),
        ("broker", "x.toml: Expected '=' after a key"),
        ("broker = 'x'", "broker is 'x'; it must be a table"),
        ("topics.base = 'petrel'", "topics.base is 'petrel'; it must be a list"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_place_value_and_limit(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ToolError, match=words):
        load(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("config", "alarms", "words"),
    [
        ("database.url = 'oracle://x'", "", "only SQLite files and PostgreSQL work"),
        ("", "[[rule]]\nname = 'x'\nsensor = 'a/b'", "alarms.toml: "),
        ("", "[[rule]\n", "alarms.toml: "),
    ],
)
def test_check_finds_what_the_start_would_refuse(
    config: str, alarms: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "alarms.toml").write_text(alarms)
    text = f"{config}\nalarms.file = '{tmp_path}/alarms.toml'\n"
    (tmp_path / "x.toml").write_text(text)
    done = CliRunner().invoke(command, ["--config", f"{tmp_path}/x.toml", "--check"])
    assert isinstance(done.exception, ToolError) and words in str(done.exception)
