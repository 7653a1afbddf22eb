"""Fleet files: configs from a template, values and secrets, which no error shows."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.harness.authority import Authority
from host_tests.harness.commands import Command
from host_tests.test_docs import blocks
from tools.fleet import command as fleet
from tools.fleet import plan, table
from tools.fleet.secrets import Secret, Secrets
from tools.fleet.template import Templates, masked
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

PASSWORD = "correct-horse-battery"
FLEET = """
template = "template.json"
board = "ESP8266_GENERIC"

[values]
interval = 60

[groups.north]
interval = 30

[nodes.n1]
group = "north"
id = "a4cf12f0"
[nodes.n2]
"""
TEMPLATE = {
    "wifi": {"ssid": "green", "password": "!secret wifi"},
    "mqtt": {"host": "10.0.0.2"},
    "sensors": [{"name": "door", "driver": "digital", "pin": 4, "pull": "up",
                 "interval": "${interval}"}],
}  # fmt: skip


FLEET_COMMAND = Command(fleet.command, hidden=PASSWORD)
run, said, refused = FLEET_COMMAND.run, FLEET_COMMAND.said, FLEET_COMMAND.refused


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet of two nodes, in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    keep({"wifi": PASSWORD})
    return tmp_path


def keep(secrets: dict[str, str], mode: int = 0o600) -> None:
    """Write secrets.toml."""
    text = "".join(f"{name} = {table.quoted(value)}\n" for name, value in secrets.items())
    Path("secrets.toml").write_text(text)
    Path("secrets.toml").chmod(mode)


def config(name: str) -> Any:
    return json.loads(Path("configs", f"{name}.json").read_text())


# --- render


def test_each_node_gets_its_values_and_the_secrets() -> None:
    assert "2 configs written, 0 unchanged, 0 removed, in configs" in said("render")
    for name, interval in (("n1", 30), ("n2", 60)):
        made = config(name)
        assert made["node"] == name and made["wifi"]["password"] == PASSWORD
        assert made["sensors"][0]["interval"] == interval


def test_only_what_changed_is_written_and_what_is_gone_removed() -> None:
    said("render")
    before = Path("configs/n1.json").stat().st_mtime_ns
    text = FLEET.replace("[nodes.n2]", "[nodes.n3]")
    Path("fleet.toml").write_text(text)
    assert "1 config written, 1 unchanged, 1 removed" in said("render")
    assert not Path("configs/n2.json").exists()
    assert Path("configs/n1.json").stat().st_mtime_ns == before


def test_nodes_and_groups_can_be_chosen() -> None:
    assert "1 config written" in said("render", "north")
    assert not Path("configs/n2.json").exists()
    assert "1 config written" in said("render", "n2")
    assert "no node or group 'nort'\n  Did you mean 'north'?" in refused("render", "nort")


def test_check_writes_nothing() -> None:
    assert "2 of 2 configs are good" in said("render", "--check")
    assert not list(Path("configs").glob("*.json"))


def test_configs_are_for_their_owner_and_git_ignores_them() -> None:
    said("render")
    assert stat.S_IMODE(Path("configs").stat().st_mode) == 0o700
    assert stat.S_IMODE(Path("configs/n1.json").stat().st_mode) == 0o600
    subprocess.run(["git", "init", "-q"], check=True)
    status = subprocess.run(["git", "status", "--porcelain", "-uall"], capture_output=True)
    assert b"configs" not in status.stdout


def test_a_folder_that_has_other_files_is_left_alone() -> None:
    Path("configs").mkdir()
    Path("configs/mine.json").write_text("{}")
    assert "not from petrel fleet render" in refused("render")
    assert Path("configs/mine.json").exists()


def test_a_config_that_is_refused_is_told_and_the_old_one_stays() -> None:
    said("render")
    before = Path("configs/n1.json").read_bytes()
    Path("fleet.toml").write_text(FLEET.replace("interval = 30", "interval = -1"))
    output = refused("render")
    assert "refused n1: sensors[0].interval:" in output and "1 of 2 configs were refused" in output
    assert Path("configs/n1.json").read_bytes() == before


def test_a_fault_of_many_nodes_is_told_once() -> None:
    template = {**TEMPLATE, "sensors": [{"name": "x", "driver": "digital", "pin": 99}]}
    Path("template.json").write_text(json.dumps(template))
    output = refused("render")
    assert output.count("sensors[0].pin") == 1 and "refused n1, n2: " in output


@pytest.mark.parametrize("name", ["ca.pem", "own/ca.pem"])
def test_certificates_go_along(folder: Path, name: str) -> None:
    """They are looked for beside fleet.toml."""
    template = {**TEMPLATE, "mqtt": {"host": "b.example", "ca": name}}
    Path("template.json").write_text(json.dumps(template))
    Path("fleet.toml").write_text(FLEET.replace("ESP8266", "ESP32"))
    assert name in refused("render")
    Path(name).parent.mkdir(exist_ok=True)
    Authority(Path(name).parent)
    said("render")
    assert Path("configs", name).read_bytes() == Path(name).read_bytes()


def test_values_that_no_template_uses_are_told() -> None:
    Path("fleet.toml").write_text(FLEET.replace("interval = 30", "intervall = 30"))
    assert "warning groups.north.intervall: no template uses it" in said("render")


def test_a_config_for_another_node_is_refused() -> None:
    Path("template.json").write_text(json.dumps({**TEMPLATE, "node": "n1"}))
    assert "the config of n2 would be that of 'n1'" in refused("render")


def test_two_thousand_configs_take_two_cores_less_than_ten_seconds(folder: Path) -> None:
    """A fifth of them, in processor time, which others who need the processor leave as it is."""
    nodes = "".join(f"[nodes.x{number}]\n" for number in range(400))
    Path("fleet.toml").write_text(FLEET + nodes)
    said("render", "--check", "n1")  # builds the board's modules
    before = os.times()
    assert "402 configs written" in said("render")
    took = [now - then for now, then in zip(os.times()[:4], before[:4], strict=True)]
    assert sum(took) < 2 * 10 / 5, took


def test_the_check_takes_a_process_for_each_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes the time is starting MicroPython: so that is counted, and not the time."""
    nodes = "".join(f"[nodes.m{number}]\n" for number in range(248))
    Path("fleet.toml").write_text(FLEET + nodes)
    began: list[list[str]] = []
    real = subprocess.run

    def counted(*arguments: Any, **more: Any) -> Any:
        began.extend(arguments)
        return real(*arguments, **more)

    monkeypatch.setattr(subprocess, "run", counted)
    assert "250 configs written" in said("render")
    assert sum("-c" in command and "micropython" in command[0] for command in began) == 3


# --- secrets: where they come from


def secret(text: str, name: str = "wifi", mode: int = 0o600) -> str:
    Path("secrets.toml").write_text(text)
    Path("secrets.toml").chmod(mode)
    return str(Secrets(Path("secrets.toml")).get(name))


def test_a_secret_comes_from_the_file_the_environment_or_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WIFI", "of the environment")
    assert secret('wifi = "of the file"') == "of the file"
    assert secret('wifi = {env = "WIFI"}') == "of the environment"
    assert secret("wifi = {command = \"printf '%s\\\\n' first second\"}") == "first"
    assert secret('wifi = {command = ["printf", "a b"]}') == "a b"
    assert secret('[site.north]\nwifi = "deep"', "site.north.wifi") == "deep"


def test_others_may_read_a_file_that_has_no_secret_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WIFI", "x")
    assert secret('wifi = {env = "WIFI"}', mode=0o644) == "x"
    with pytest.raises(ToolError, match=r"mode 644\)\n  Run: chmod 600"):
        secret('wifi = "x"', mode=0o644)
    with pytest.raises(ToolError, match="chmod 600"):
        secret('[a]\nenv = {wifi = "x"}', "a.env.wifi", mode=0o640)


def test_secrets_that_git_would_take_are_refused() -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    with pytest.raises(ToolError, match=r"doesn't ignore it\n  Run: echo secrets\.toml >>"):
        secret('wifi = "x"')
    Path(".gitignore").write_text("secrets.toml\n")
    assert secret('wifi = "x"') == "x"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "has no secret 'wifi'\n  Add a line"), ('wify = "x"', "Did you mean 'wify'"),
     ('wifi = ""', "is empty"), ("wifi = 7", "is not a secret"),
     ('wifi = {env = "NOT_THERE"}', "the environment has no NOT_THERE"),
     ('wifi = {command = "not-a-program"}', "there is no program 'not-a-program'"),
     ('wifi = {command = "sh -c \'echo hunter2; exit 3\'"}', "sh ended with status 3"),
     ('wifi = {command = "true"}', "is empty"), ("wifi = {command = 7}", "is not a command"),
     ('wifi = "hunter2', r"this is not TOML \(at"), ("hunter2 = \n", "this is not TOML")],
)  # fmt: skip
def test_a_secret_that_can_not_be_had_is_told_without_it(text: str, words: str) -> None:
    with pytest.raises(ToolError, match=words) as caught:
        secret(text)
    assert "hunter2" not in str(caught.value)


def test_without_a_file_it_is_told_what_to_write() -> None:
    Path("secrets.toml").unlink()
    assert "there is no secrets.toml, and the secret 'wifi' is needed" in refused("render")


def test_a_command_runs_once_for_all_nodes() -> None:
    Path("secrets.toml").write_text("wifi = {command = \"sh -c 'echo x >> ran; echo 12345678'\"}")
    said("render")
    assert Path("ran").read_text() == "x\n"


# --- secrets: nowhere to be seen


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 80, "Quote\"-\\-\u00e9\t\u20ac" * 9, "\u00e9" * 40,
     "12345678901234567890" * 4],
)  # fmt: skip
def test_a_secret_that_is_refused_is_not_shown(password: str) -> None:
    keep({"wifi": password})
    output = refused("render")
    assert "1 of 2" in output or "2 of 2 configs were refused" in output
    for begin in range(len(password) - 4):
        piece = password[begin : begin + 5]
        if len({*piece}) > 1:
            assert piece not in output, output


def test_a_secret_within_a_text_is_hidden_too() -> None:
    template = {**TEMPLATE, "mqtt": {"host": "10.0.0.2", "user": "u-${key}", "port": "bad"}}
    Path("template.json").write_text(json.dumps(template))
    Path("fleet.toml").write_text(FLEET.replace("[values]", '[values]\nkey = "!secret wifi"'))
    assert "mqtt.port" in refused("render")
    made = Templates(lambda name: Secret(PASSWORD, name)).render(
        Path("template.json"), {"key": "!secret wifi", "interval": 1}
    )
    assert made["mqtt"]["user"] == f"u-{PASSWORD}"
    assert PASSWORD not in json.dumps(masked(made)) and PASSWORD not in repr(made)


def test_a_password_in_the_template_is_told() -> None:
    template = {**TEMPLATE, "wifi": {"ssid": "green", "password": "plain text"}}
    Path("template.json").write_text(json.dumps(template))
    output = said("render")
    assert "n1, n2: wifi.password: it is not in secrets.toml" in output
    assert "plain text" not in output


@given(st.text(min_size=1))
def test_what_is_masked_says_nothing_but_its_length(text: str) -> None:
    hidden = masked({"a": [Secret(text, "s")]})["a"][0]
    assert len(hidden) == len(text) and type(hidden) is str
    assert set(hidden) <= set("x1.:/_-")


# --- templates


def rendered(template: Any, files: dict[str, Any] | None = None, **values: Any) -> Any:
    for name, content in (files or {}).items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(json.dumps(content))
    Path("t.json").write_text(json.dumps(template))
    return Templates(lambda name: Secret(f"<{name}>", name)).render(Path("t.json"), values)


@pytest.mark.parametrize(
    ("template", "made"),
    [("${n}", 7), ("${on}", True), ("${list}", [1, 2]), ("a-${n}-${on}", "a-7-true"),
     ("$${n}", "${n}"), ("$n {n} $", "$n {n} $"), ("${deep}", 7), ("${node}.x", "a.x"),
     ("!secret s", "<s>"), ("!secret s_${node}", "<s_a>"), ("!important", "!important"),
     ([1, "${list}"], [1, [1, 2]]), (["${tables}", {"c": 1}], [{"a": 1}, {"b": 2}, {"c": 1}]),
     (["${none}", 1], [1]), ([["${n}"]], [[7]]), ({"<<": "${one}", "a": 2}, {"a": 2, "z": 1}),
     ({"<<": ["${one}", {"y": 3}]}, {"z": 1, "a": 0, "y": 3}), (None, None), (1.5, 1.5)],
)  # fmt: skip
def test_values_are_put_in(template: Any, made: Any) -> None:
    values = {
        "n": 7, "on": True, "list": [1, 2], "deep": "${n}", "node": "a", "none": [],
        "tables": [{"a": 1}, {"b": 2}], "one": {"a": 0, "z": 1},
    }  # fmt: skip
    assert rendered({"x": template}, None, **values) == {"x": made}


def test_files_are_put_in_with_values_of_their_own() -> None:
    files = {
        "parts/air.json": {"name": "${name}", "driver": "!include driver.json", "pin": "${pin}"},
        "parts/driver.json": "dht22",
        "parts/doors.json": [{"name": "a"}, {"name": "b"}],
    }
    template = {
        "sensors": [
            "!include parts/doors.json",
            {"!include": "parts/air.json", "vars": {"name": "in-${n}", "pin": 4}},
            {"<<": {"!include": "parts/air.json", "vars": {"name": "out"}}, "pin": 5},
        ]
    }
    assert rendered(template, files, n=1, pin=9) == {
        "sensors": [
            {"name": "a"}, {"name": "b"}, {"name": "in-1", "driver": "dht22", "pin": 4},
            {"name": "out", "driver": "dht22", "pin": 5},
        ]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("template", "words"),
    [("${pinn}", "t.json: x: there is no value 'pinn' for a\n  Did you mean 'pin'?"),
     ("${other}", "in fleet.toml"), ("a${list}", "is not a text or a number"),
     ("!include gone.json", "there is no file gone.json"), ("!include", "is expected"),
     ("!secrets wifi", "'!secrets' and a name is expected"), ("!include t.json", "back to itself"),
     ("${loop}", "back to itself"), ({"!include": "t.json", "var": 1}, "other keys"),
     ({"<<": 1}, "not a table"), ("!include bad.json", "bad.json: line 1, column 2")],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(template: Any, words: str) -> None:
    Path("bad.json").write_text("{")
    with pytest.raises(ToolError) as caught:
        rendered({"x": template}, pin=1, list=[1], node="a", loop="${loop}")
    assert words in str(caught.value)


# --- fleet.toml


@pytest.mark.parametrize(
    ("change", "words"),
    [(("template =", "templat ="), "no key 'templat'\n  Did you mean 'template'?"),
     (('group = "north"', 'group = "nort"'), "no group 'nort'\n  Did you mean 'north'?"),
     (('"ESP8266_GENERIC"', '"ESP8266"'), "no board 'ESP8266'\n  Did you mean 'ESP8266_GENERIC'"),
     (('"ESP8266_GENERIC"', "7"), "board: 7 is not a text"),
     (("[nodes.n2]", '[nodes."a/b"]'), "nodes.a/b: 'a/b' can't be a name"),
     (("[nodes.n2]", "[nodes]\nn2 = 7"), "fleet.toml"),
     (("[nodes.n2]", '[nodes.n2]\nid = "A4:CF:12:F0"'), "is that of n1 too"),
     (("[nodes.n2]", '[nodes.n2]\nid = "12"'), "is not the id of a board"),
     (("[nodes.n2]", "[nodes.n2]\nrelease = 0"), "nodes.n2.release: 0"),
     (("[nodes.n2]", '[nodes.n2]\nnode = "x"'), "Each node has that value already"),
     (("interval = 60", "inter-val = 60"), "Take letters, digits and _"),
     (("interval = 60", "interval"), "Correct that line; it must be TOML"),
     (('template = "template.json"', ""), "nodes.n1 has no template")],
)  # fmt: skip
def test_a_fault_of_the_file_is_told(change: tuple[str, str], words: str) -> None:
    Path("fleet.toml").write_text(FLEET.replace(*change))
    assert words in refused("render")


def test_a_fleet_is_listed() -> None:
    output = said("list")
    assert "a4cf12f0" in output and "no group: 1, north: 1" in output


def test_without_a_fleet_it_is_told_how_to_begin() -> None:
    Path("fleet.toml").unlink()
    assert "there is no fleet.toml\n  Begin one: petrel fleet new" in refused("list")


# --- from one node to many


def test_one_config_becomes_a_fleet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {**TEMPLATE, "node": "first", "wifi": {"ssid": "green", "password": PASSWORD}}
    own["sensors"] = [{"name": "door", "driver": "digital", "pin": 4}]
    (folder / "my.json").write_text(json.dumps(own))
    (folder / "new").mkdir()
    monkeypatch.chdir(folder / "new")
    said("new", "--config", "../my.json", "--board", "ESP8266_GENERIC")
    assert stat.S_IMODE(Path("secrets.toml").stat().st_mode) == 0o600
    assert PASSWORD not in Path("template.json").read_text() + Path("fleet.toml").read_text()
    said("render")
    assert config("first") == own
    assert "my.json" not in Path(".gitignore").read_text()
    assert "is there already" in refused("new", "--config", "../my.json", "--board", "PYBV11")


def test_the_config_that_a_fleet_begins_with_stays_out_of_git(folder: Path) -> None:
    Path("new").mkdir()
    Path("new/my.json").write_text(json.dumps({**TEMPLATE, "node": "first"}))
    Path("fleet.toml").rename("new/before.toml")
    text = Path("template.json").read_text().replace("!secret wifi", PASSWORD)
    Path("new/my.json").write_text(
        text.replace('"${interval}"', "5").replace("{", '{"node": "a",', 1)
    )
    said(
        "new", "--config", "new/my.json", "--board", "ESP8266_GENERIC", "--fleet", "new/fleet.toml"
    )
    assert "/my.json\n" in Path("new/.gitignore").read_text()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_nodes_come_from_a_spreadsheet(separator: str) -> None:
    rows = ["node,group,id,interval,bed,label", "m1,north,a4cf12f1,5,007,two words", "m2,,,1.5,,x",
            ",,,,,"]  # fmt: skip
    text = "\r\n".join(rows).replace(",", separator)
    Path("n.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert "2 nodes added to fleet.toml" in said("import", "n.csv")
    nodes = plan.load(Path("fleet.toml")).nodes
    assert dict(nodes["m1"].values) == {
        "interval": 5, "bed": "007", "label": "two words",
        "node": "m1", "group": "north", "board": "ESP8266_GENERIC",
    }  # fmt: skip
    assert nodes["m1"].id == "a4cf12f1" and nodes["m2"].values["interval"] == 1.5
    assert "has m1, m2 already" in refused("import", "n.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [("pin\n4\n", "has no column node"), ("node,a b\nx,1\n", "column 2 is named 'a b'"),
     ("node,a,a\nx,1,2\n", "two columns 'a'"), ("node,a\nx,1,2\n", "line 2 has 3 columns"),
     ("node,a\n,1\n", "line 2 has no node"), ("node\nx\nx\n", "x is there twice"),
     ("node\na/b\n", "can't be a name"), ("node,group\nx,sout\n", "no group 'sout'"),
     ("", "column"),
     ("node,b\u00e4\nx,1\n", "column 2 is named")],
)  # fmt: skip
def test_a_table_that_makes_no_fleet_changes_nothing(text: str, words: str) -> None:
    Path("n.csv").write_text(text)
    assert words in refused("import", "n.csv")
    assert Path("fleet.toml").read_text() == FLEET


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), st.text(), max_size=4)
)
def test_any_text_of_a_table_comes_through_toml(values: dict[str, str]) -> None:
    written = {key: table.quoted(value) for key, value in values.items()}
    assert tomllib.loads(table.toml({"n": written}))["nodes"]["n"] == values


def test_a_fleet_is_read_from_any_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its paths begin where fleet.toml is."""
    monkeypatch.chdir("/")
    assert "2 configs written" in said("render", "--fleet", str(folder / "fleet.toml"))
    assert (folder / "configs" / "n1.json").exists()


def test_the_page_works_as_it_stands() -> None:
    """docs/fleets.md, from the template to the spreadsheet, and the fault that it shows."""
    page = ROOT / "docs" / "fleets.md"
    text = page.read_text()
    secrets = 'wifi_password = "long enough"\n[mqtt]\n'
    secrets += "".join(f'bed-{number} = "of its own"\n' for number in range(1, 5))
    Path("secrets.toml").write_text(secrets)
    Path("template.json").write_text(blocks(page, "json")[0])
    Path("fleet.toml").write_text(blocks(page, "toml")[0])
    door = {"name": "door", "driver": "digital", "pin": 4, "pull": "up"}
    Path("door.json").write_text(json.dumps(door))
    rows = re.findall(r"^    (node,group.*|bed-\d,.*)$", text, re.MULTILINE)
    Path("beds.csv").write_text("\n".join(rows))
    assert "2 nodes added" in said("import", "beds.csv")
    assert "4 configs written" in said("render")
    assert config("bed-3")["sensors"][0]["interval"] == 30
    assert config("bed-4")["sensors"][0]["dry"] == 2.0
    shown = re.search(r"^    refused (.*?): (.*)$", text, re.MULTILINE)
    assert shown
    Path("door.json").write_text(json.dumps({**door, "pin": 6}))
    assert f"{shown[2]}\n" in refused("render", "bed-3", "bed-4")


def umask_of(mask: int) -> Callable[[], int]:
    before = os.umask(mask)
    return lambda: os.umask(before)


def test_no_umask_opens_what_is_secret() -> None:
    restore = umask_of(0)
    try:
        said("render")
    finally:
        restore()
    for path in Path("configs").glob("*.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
