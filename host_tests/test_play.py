"""The playground: what is typed happens to a real node, and the screen shows it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input, RichLog, Static

from tools.play.playground import EXAMPLE, parts, staged
from tools.play.playground.azure import AzureStage
from tools.play.playground.picture import SESSION
from tools.play.playground.prompt import HELP, Prompt, Quit
from tools.play.playground.screen import Screen
from tools.play.playground.stage import Stage
from tools.play.sim.world import World
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.talk.monitor_screen import COLUMNS
from tools.wiring.drivers import config_for
from tools.wiring.parts import PARTS

CONFIG = json.loads(EXAMPLE.read_text())


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage(CONFIG) as made:
        yield made


@pytest.fixture
def prompt(stage: Stage) -> Prompt:
    stage.start()
    stage.wait_online(20)
    return Prompt(stage)


def heard(stage: Stage, sensor: str, **fields: object) -> None:
    stage.watcher.wait(f"petrel/playground/{sensor}", 20, len(stage.watcher.messages), **fields)


def test_what_a_sensor_sees_is_set_and_arrives(stage: Stage, prompt: Prompt) -> None:
    assert prompt.run("air.temperature -7") == "air.temperature is -7"
    stage.watcher.wait("petrel/playground/air/temperature", 20, value=-7.0)
    assert prompt.run("light 1.5") == "light.volts is 1.5"
    stage.watcher.wait("petrel/playground/light", 20, value=1.5)
    assert "goes from" in prompt.run("tank.distance square 0.5 0.5 1")
    stage.watcher.wait("petrel/playground/tank", 20, value=0.5)


PAGE = (ROOT / "docs" / "playground.md").read_text()
CLOUD = "## With a cloud"


def more(cloud: AzureStage, connects: int) -> bool:
    return cloud.device.connects > connects


def test_a_node_at_a_hub(tmp_path: Path) -> None:
    """With a cloud the node is a device of a hub: methods, the twin, an outage, a new password."""
    config = {
        **CONFIG,
        "homeassistant": {"area": "Shed"},
        "mqtt": {"host": "broker", "user": "me"},
    }
    with staged(config, "azure") as stage:
        cloud = stage.cloud
        assert cloud
        said: list[str] = []
        stage.on_line = said.append
        stage.start()
        stage.wait_online(60)
        prompt = Prompt(stage)
        twin, desire, message, expire, send = shown(PAGE.partition(CLOUD)[2])
        assert prompt.run(desire) == "version 2 is desired"
        assert cloud.hub.until(lambda: '"state": "applied"' in prompt.run(twin), 60)
        assert prompt.run(message) == "it was sent"
        topics = cloud.device.telemetry
        assert cloud.hub.until(lambda: any(t.get("topic") == "reply/ping" for t, _ in topics), 60)
        assert prompt.run(send).startswith('200 {"ok": true')
        assert "doesn't take" in prompt.run('desire {"a b": 1}')
        for broken, whole in (("broker kill", "broker start"), (expire, "")):
            connects = cloud.device.connects
            prompt.run(broken)
            prompt.run(whole)
            assert cloud.hub.until(partial(more, cloud, connects), 60)
        assert ("playground", "light") in stage.readings.rows
        assert "desire" in prompt.run("help") and cloud.hub.violations == []


def test_a_recording_is_followed(stage: Stage, prompt: Prompt, tmp_path: Path) -> None:
    file = tmp_path / "some file.csv"
    file.write_text("t,x\n0,12.5\n1,12.5\n")
    assert "follows" in prompt.run(f"boiler csv '{file}' x")
    stage.watcher.wait("petrel/playground/boiler", 20, value=12.5)
    assert "no column 'y'" in prompt.run(f"boiler csv '{file}' y")
    assert "No such file" in prompt.run("boiler csv nowhere.csv x")


def test_buttons_outputs_and_commands(stage: Stage, prompt: Prompt) -> None:
    prompt.run("press door")
    stage.watcher.wait("petrel/playground/door", 20, value=1)
    assert json.loads(prompt.run("pump on"))["ok"]
    stage.watcher.wait("petrel/playground/pump", 20, value=1)
    assert json.loads(prompt.run("send ping"))["ok"]


def test_network_broker_and_power_fail_and_come_back(stage: Stage, prompt: Prompt) -> None:
    for broken, whole in (("wifi off", "wifi on"), ("broker kill", "broker start")):
        at = len(stage.bench.lines)
        prompt.run(broken)
        stage.bench.wait_for_line("not found|not connected", 20, at)
        prompt.run(whole)
        heard(stage, "light", unit="V")
    starts = len(stage.bench.resets)
    prompt.run("power cut")
    assert stage.bench.resets[starts:] == ["power on"]


def test_a_part_fails_and_is_whole_again(stage: Stage, prompt: Prompt) -> None:
    assert "bad crc" in prompt.run("fault boiler")
    prompt.run("fault boiler absent")
    stage.bench.wait_for_line("boiler: .*no answer", 20)
    prompt.run("fault boiler none")
    heard(stage, "boiler", unit="C")


@pytest.mark.parametrize(
    "line, said",
    [
        ("dance", "type help"),
        ("air 5", "air.humidity|there are humidity, pressure, temperature"),
        ("air.weight 5", "no 'weight'"),
        ("air.temperature warm", "'warm' is not a number"),
        ("air.temperature 21,5", "'21,5' is not a number"),
        ("air.temperature 1e999", "'1e999' is not a number"),
        ("air.temperature sine 1", "low and high are missing"),
        ("light sine low 3", "'low' is not a number"),
        ("light sine 0 3 0", "0 s is too short"),
        ("boiler csv", "csv FILE COLUMN"),
        ("boiler csv /", "Is a directory"),
        ("press air", "not a button or contact\n  there are: door"),
        ("press", "which sensor\\?\n  there are: door$"),
        ("fault", "which sensor\\?\n  there are: air, boiler, tank$"),
        ("temperature 31", "did you mean air.temperature or boiler.temperature\\?"),
        ("send interval light 5", r"takes JSON, and 'light 5' is none\n  send interval {"),
        ("send set pump true", "type pump on"),
        ("press door -5", "1 to 60000"),
        ("press door long", "'long' is not a number"),
        ("door 5", "'5' is not a level\n  door 0, door 1"),
        ("Air.temprature 5", "no 'temprature'\n  there are humidity, pressure, temperature"),
        ("wfi off", "did you mean wifi?"),
        ("p", "did you mean parts or power or press or pump?"),
        ("config delete", "config what?"),
        ("wifi", "wifi off, on"),
        ("power maybe", "power cut, off, on"),
        ("fault air lightning", "no fault 'lightning'"),
        ("fault light absent", "no faults to choose from\n  these have: air, boiler, tank"),
        ("send", "which command"),
        ("'", "quotation"),
        ("broker resume", ""),
        ("pump maybe", "'maybe' is not a value\n  pump on, pump off"),
        ("reset", "the board has no power\n  type: power on"),
        ("power off", "already off"),
        ("broker start", "already runs"),
    ],
)
def test_what_cannot_be_done_is_said(stage: Stage, line: str, said: str) -> None:
    assert re.search(said, Prompt(stage).run(line))


@pytest.mark.parametrize(
    "line, said",
    [
        ("AIR.Temperature 22", "air.temperature is 22"),
        ("air.temperature 31C", "air.temperature is 31"),
        ("boi 60", "boiler.temperature is 60"),
        ("Door HIGH", "door: its pin is high"),
        ("wi Off", "the Wi-Fi is out of reach"),
        ("air.temperature = 23", "air.temperature is 23"),
        ("light=1.5", "light.volts is 1.5"),
        ("air.temp 25", "air.temperature is 25"),
        ("set air.temperature 24", "air.temperature is 24"),
        ("air humidity 40", "air.humidity is 40"),
        ("status", "air: bme280"),
        ("par air", "air: bme280 at sda 21, scl 22; air.humidity 45,"),
        ("? wifi", "^wifi off"),
        ("help power", "^power cut"),
        ("FAULT BOI Bad CRC", "boiler: bad crc"),
    ],
)
def test_case_and_the_rest_of_a_word_do_not_matter(stage: Stage, line: str, said: str) -> None:
    assert re.search(said, Prompt(stage).run(line))


@pytest.mark.parametrize("line", ["quit", "exit", "q", "QUIT"])
def test_there_are_several_ways_out(stage: Stage, line: str) -> None:
    with pytest.raises(Quit):
        Prompt(stage).run(line)


def test_what_keeps_a_command_from_its_node_is_said(stage: Stage, prompt: Prompt) -> None:
    for broken, said, whole in (
        ("power off", "no power\n  type: power on", "power on"),
        ("wifi off", "Wi-Fi is off\n  type: wifi on", "wifi on"),
        ("broker hang", "hangs\n  type: broker resume", "broker resume"),
        ("broker kill", "stopped\n  type: broker start", "broker start"),
    ):
        prompt.run(broken)
        assert said in prompt.run("send ping")
        prompt.run(whole)


def test_a_relay_takes_1_and_0_as_well(stage: Stage, prompt: Prompt) -> None:
    assert '"value": true' in prompt.run("pump 1")
    assert '"value": false' in prompt.run("pump = 0")


def test_json_is_typed_as_it_is(stage: Stage, prompt: Prompt) -> None:
    said = json.loads(prompt.run('send interval {"sensor": "light", "seconds": 5}'))
    assert said["ok"] and said["seconds"] == 5
    assert json.loads(prompt.run('send set {"output": "pump", "value": true}'))["ok"]
    assert "[red, green, blue]" not in prompt.run("pump [255, 80, 0]")
    assert "[255, 80, 0]" in prompt.run("pump [255, 80, 0]")


def test_another_config_gets_parts_of_its_own(stage: Stage, prompt: Prompt) -> None:
    """The parts of the config before are gone, and what is set reaches those that are there."""
    boiler = next(each for each in CONFIG["sensors"] if each["name"] == "boiler")
    stage.restart({"node": "other", "sensors": [{**boiler, "name": "oven"}]})
    assert list(stage.parts) == ["oven"]
    prompt.run("oven.temperature 80.5")
    stage.watcher.wait("petrel/other/oven", 20, value=80.5)
    assert json.loads(prompt.run("send ping"))["ok"]


def test_every_line_of_the_help_can_be_typed(stage: Stage, prompt: Prompt) -> None:
    for each in HELP:
        if each.usage == "quit":
            with pytest.raises(Quit):
                prompt.run(each.usage)
        elif "csv" not in each.usage:
            said = prompt.run(each.usage)
            assert "type help" not in said and "there is no" not in said, (each.usage, said)
            assert '"ok": false' not in said, (each.usage, said)
            prompt.run("wifi on"), prompt.run("broker start"), prompt.run("power on")
    assert "already" in prompt.run("power on")


def test_completion_knows_sensors_quantities_and_verbs(stage: Stage) -> None:
    prompt = Prompt(stage)
    assert prompt.next("air.t") == ["air.temperature"]
    assert prompt.next("wifi ") == ["wifi off", "wifi on"]
    assert prompt.next("fault boiler bad") == []
    assert "fault boiler 'bad crc'" in prompt.next("fault boiler ")
    assert set(prompt.next("press ")) == {"press door"}


def test_completion_knows_recordings_and_their_columns(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "day.csv").write_text("time,out side,inside\n0,1,2\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    prompt = Prompt(stage)
    assert prompt.next("light csv ") == ["light csv data/", "light csv day.csv"]
    assert prompt.next(f"light csv {tmp_path}/day") == [f"light csv {tmp_path}/day.csv"]
    assert prompt.next("light csv day.csv i") == ["light csv day.csv inside"]
    assert "light csv day.csv 'out side'" in prompt.next("light csv day.csv ")
    assert prompt.next("light csv nowhere/ ") == []
    assert "there are: time, out side, inside" in prompt.run("light csv day.csv outside")


OTHERS = {
    "node": "others",
    "sensors": [
        {"name": "wheel", "driver": "rotary", "pin": 12, "pin_b": 13},
        {"name": "lamp", "driver": "dimmer", "pin": 14},
        {"name": "flap", "driver": "servo", "pin": 18},
        {"name": "strip", "driver": "pixels", "pin": 19, "count": 2},
        {"name": "horn", "driver": "buzzer", "pin": 23},
        {"name": "fan", "driver": "relay", "pin": 25},
    ],
}


def test_an_output_takes_all_that_is_offered_for_it() -> None:
    with Stage(OTHERS) as stage:
        stage.start()
        stage.wait_online(60)
        prompt = Prompt(stage)
        offered = [each for name in stage.parts for each in prompt.next(f"{name} ")]
        for line in ("lamp on", "lamp 40", "flap 45", "strip [255, 80, 0]", "horn 0.5", "fan off"):
            assert line in offered and line in prompt.run("parts")
        assert "flap on" not in offered
        for line in (each for each in offered if not each.startswith("wheel")):
            assert '"ok": true' in prompt.run(line), line
        assert prompt.run("flap on") == "'on' is not a value\n  flap 45"


def test_an_encoder_is_turned() -> None:
    with Stage(OTHERS) as stage:
        stage.start()
        stage.wait_online(60)
        prompt = Prompt(stage)
        assert "turn wheel 3" in prompt.run("parts")
        assert prompt.next("turn ") == ["turn wheel"]
        for clicks, sign in (("3", ""), ("-6", "-")):
            there = re.compile(rf'"value": {sign}[1-9]')

            def turned(topic: str, said: str, there: re.Pattern[str] = there) -> bool:
                return topic == "petrel/others/wheel" and bool(there.search(said))

            # On a busy computer interrupts come late, and a click is lost: turn it again.
            for _ in range(10):
                assert prompt.run(f"turn wheel {clicks}") == f"wheel turned by {clicks}"
                if stage.watcher.seen(turned, 6):
                    break
            assert stage.watcher.seen(turned, 0.1)
        assert "not a rotary encoder\n  there are: wheel" in prompt.run("turn lamp")
        assert "'far' is not a number\n  turn wheel 3" in prompt.run("turn wheel far")
        assert "at most 20" in prompt.run("turn wheel 1000")


def test_a_part_has_only_faults_that_its_driver_can_notice(stage: Stage, prompt: Prompt) -> None:
    assert "bad crc" not in prompt.run("fault air")
    assert "type power cut" in prompt.run("fault air wrong part")
    prompt.run("power cut")
    stage.bench.wait_for_line("air: .*chip id", 60)
    assert "; fault: wrong part" in prompt.run("parts air")
    prompt.run("fault air none")
    assert "fault" not in prompt.run("parts air")


def test_parts_say_what_follows_a_wave(stage: Stage) -> None:
    prompt = Prompt(stage)
    prompt.run("air.humidity sine 40 40 20")
    assert "air.humidity 40 (follows), air.pressure 1013.25," in prompt.run("parts")
    prompt.run("air.humidity 50")
    assert "follows" not in prompt.run("parts")


def test_a_pin_that_is_missing_is_named() -> None:
    config = {"sensors": [{"name": "door", "driver": "digital"}]}
    _, said = parts.wired(World({}, {}), config)
    assert len(said) == 1 and said[0].startswith("door: pin is missing; it is ")


@pytest.mark.parametrize("page", ["esp32", "esp8266", "pyboard", "pico-w"])
def test_configs_of_other_boards_can_be_played(page: str) -> None:
    text = (ROOT / "docs" / "start" / f"{page}.md").read_text()
    block = re.search(r"```json\n(.*?)```", text, re.S)
    assert block
    with Stage(json.loads(block[1])) as stage:
        stage.start()
        stage.wait_online(20)
        assert set(stage.parts) == {each["name"] for each in json.loads(block[1])["sensors"]}
        assert not [line for line in stage.bench.lines if "refused" in line]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"sensors": 5}, "sensors: 5 is wrong"),
        ({"sensors": [3, {"driver": []}]}, r"sensors\[0\]: it has to be an object"),
        (
            {"sensors": [{"name": [1], "driver": "bme280", "sda": [1], "scl": {}}]},
            r"sensors\[0\].name: a list is wrong",
        ),
        (
            {"sensors": [{"name": "a", "driver": "bme280", "address": "zz"}]},
            r"sensors\[0\].address: \"zz\" is wrong",
        ),
    ],
)
def test_of_a_wrong_config_the_node_says_what(wrong: dict[str, object], said: str) -> None:
    with Stage(wrong) as stage:
        stage.start()
        stage.bench.wait_for_line(said, 20)


@pytest.mark.timeout(600)
def test_every_driver_has_a_part(tmp_path: Path) -> None:
    for driver in PARTS:
        sensor = json.loads(json.dumps(config_for(driver, boards.load("ESP32_GENERIC"))))
        with Stage({"sensors": [{**sensor, "name": "x"}]}) as stage:
            part = stage.parts["x"]
            if part.model is not None:
                values = [getattr(part.model, each) for each in part.quantities]
                assert values and all(isinstance(each, float) for each in values)
            assert part.quantities or part.is_input or driver in ("relay", "dimmer", "servo",
                                                                  "pixels", "buzzer")  # fmt: skip


def test_the_screen_shows_readings_and_does_what_is_typed(stage: Stage) -> None:
    async def session() -> None:
        app = Screen(stage)
        async with app.run_test(size=(100, 40)) as pilot:
            for _ in range(300):
                if "light" in stage.readings.summary() or len(stage.readings.rows) > 4:
                    break
                await pilot.pause(0.1)
            app.show()
            await pilot.press(*"air.te", "tab")
            line = app.query_one("Input")
            assert line.value == "air.temperature"  # type: ignore[attr-defined]
            await pilot.press("space", "3", "0", "enter")
            await app.workers.wait_for_complete()
            assert stage.parts["air"].model.temperature == 30
            await pilot.press("up")
            assert line.value == "air.temperature 30"  # type: ignore[attr-defined]
            await pilot.press(*(["backspace"] * 20), *"quit", "enter")
            await pilot.pause(0.5)
        assert app.return_code == 0

    asyncio.run(session())


def test_quit_does_not_wait_for_a_reply(
    stage: Stage, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command to a node without power gets none; the screen closes while it is awaited."""
    asked, answer = threading.Event(), threading.Event()

    def send(command: str, payload: str) -> str:
        asked.set()
        answer.wait(120)
        return "late"

    monkeypatch.setattr(stage, "send", send)

    async def session(app: Screen, pilot: Any) -> None:
        app.query_one(Input).value = "send ping"
        await pilot.press("enter")
        assert await asyncio.to_thread(asked.wait, 60)
        app.query_one(Input).value = "quit"
        await pilot.press("enter")

    began = time.monotonic()
    played(stage, (100, 30), session)
    assert time.monotonic() - began < 100
    answer.set()


def test_a_driver_without_a_simulated_part_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(PARTS, "bh1750")
    config = {"sensors": [{"name": "sky", "driver": "bh1750", "sda": 21, "scl": 22}]}
    assert parts.wired(World({}, {}), config) == (
        {},
        ["sky: there is no simulated part for the driver 'bh1750'"],
    )


def test_without_a_config_that_can_be_read_it_says_so(tmp_path: Path) -> None:
    from tools.play.playground import read

    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(ToolError, match="object"):
        read(tmp_path / "bad.json")


def played(stage: Stage, size: tuple[int, int], do: Callable[[Screen, Any], Any]) -> None:
    """Open the screen and do something with it."""

    async def session() -> None:
        app = Screen(stage)
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.5)
            await do(app, pilot)

    asyncio.run(session())


async def typed(app: Screen, pilot: Any, line: str) -> str:
    """Type a line; returns what was said."""
    log = app.query_one("#replies", RichLog)
    before = len(log.lines)
    app.query_one(Input).value = line
    await pilot.press("enter")
    for _ in range(200):
        await pilot.pause(0.05)
        if len(log.lines) > before + 1:
            break
    return "\n".join(each.text.rstrip() for each in log.lines[before + 1 :])


def test_lines_are_wrapped_again_when_the_terminal_gets_narrower(stage: Stage) -> None:
    async def session(app: Screen, pilot: Any) -> None:
        log = app.query_one("#replies", RichLog)
        await typed(app, pilot, "help")
        assert log.virtual_size.width > 60
        await pilot.resize_terminal(60, 30)
        await pilot.pause(0.3)
        assert log.virtual_size.width <= 60
        assert "quit" in "".join(each.text for each in log.lines)

    played(stage, (100, 30), session)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (120, 40)])
def test_a_long_reply_is_shown_from_its_beginning_and_scrolls(
    stage: Stage, size: tuple[int, int]
) -> None:
    async def session(app: Screen, pilot: Any) -> None:
        log = app.query_one("#replies", RichLog)
        for _ in range(5):
            await typed(app, pilot, "wifi on")
        assert log.scroll_y == log.max_scroll_y
        before = len(log.lines)
        await typed(app, pilot, "help")
        await pilot.pause(0.3)
        assert len(log.lines) > before + log.size.height
        assert log.scroll_y == before
        await pilot.press("pagedown")
        await pilot.pause(0.3)
        assert log.scroll_y > before
        await pilot.press("pageup")
        await pilot.pause(0.3)
        assert log.scroll_y <= before
        assert app.query_one(DataTable).size.height >= 6

    played(stage, size, session)


def test_a_config_with_faults_is_not_taken_and_can_be_corrected(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node goes on; the draft is there when the editor opens again."""
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" "$0.before"; [ ! -f "$0.new" ] || cp "$0.new" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    monkeypatch.setattr(Screen, "suspend", lambda self: contextlib.nullcontext())
    new, before = tmp_path / "editor.new", tmp_path / "editor.before"
    wrong = json.dumps(CONFIG).replace("bme280", "bme208")

    async def session(app: Screen, pilot: Any) -> None:
        starts = len(stage.bench.resets)
        assert "nothing has changed" in await typed(app, pilot, "config edit")
        for text, said in (("{", "it is not JSON"), ("[]", "an object"), (wrong, '"bme280"?')):
            new.write_text(text)
            assert said in await typed(app, pilot, "config edit")
            new.unlink()
            assert said in await typed(app, pilot, "Config Edit")
            assert before.read_text() == text
        assert len(stage.bench.resets) == starts
        new.write_text(json.dumps({**CONFIG, "node": "other"}))
        assert "starts with the new config" in await typed(app, pilot, "config edit")
        assert stage.node == "other"
        monkeypatch.setenv("VISUAL", str(tmp_path / "no editor").replace(" ", "_"))
        said = await typed(app, pilot, "config edit")
        assert "No such file" in said.replace("\n", " ")

    played(stage, (100, 40), session)


def test_the_summary_says_what_is_off(stage: Stage) -> None:
    async def session(app: Screen, pilot: Any) -> None:
        for line, said in (
            ("wifi off", "Wi-Fi: off"),
            ("power off", "power: off"),
            ("broker hang", "broker: hangs"),
            ("broker kill", "broker: stopped"),
        ):
            await typed(app, pilot, line)
            app.show()
            assert said in str(app.query_one("#summary", Static).render())

    played(stage, (100, 40), session)


def shown(text: str) -> list[str]:
    """The commands in the tables of a text."""
    rows = re.findall(r"^\| (`.*?`) \|", text, re.M)
    return [line for row in rows for line in re.findall(r"`(.*?)`", row)]


def test_every_command_of_the_page_can_be_typed(
    stage: Stage, prompt: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "day.csv").write_text("volts\n1.5\n")
    monkeypatch.chdir(tmp_path)
    lines = shown(PAGE.partition(CLOUD)[0])
    assert len(lines) > 25
    for line in lines:
        if line == "quit":
            with pytest.raises(Quit):
                prompt.run(line)
        elif line != "config edit":  # see the tests of the screen
            if line.startswith("send"):
                heard(stage, "light")  # the node is back from what was typed before
            said = prompt.run(line)
            for wrong in ("not a", "there is no", "there are:", "missing", '"ok": false', "what?"):
                assert wrong not in said, (line, said)
            prompt.run("power on"), prompt.run("broker start"), prompt.run("wifi on")
            prompt.run("broker resume")
    for each in HELP:
        assert each.usage.split()[0].partition(".")[0] in " ".join(lines), each.usage


def test_the_pictures_are_of_todays_screens() -> None:
    """Their titles and labels are those of the code; petrel play --picture docs draws them."""
    shown = {
        name: re.sub(r"<[^>]+>|&#160;|\s", "", (ROOT / "docs" / f"{name}.svg").read_text())
        for name in ("play", "monitor")
    }
    title = "Tab completes, PageUp and PageDown scroll"
    for text in (*SESSION, title, "the broker runs again", "Wi-Fi: on"):
        assert text.replace(" ", "") in shown["play"], text
    for text in ("1 node, 0 offline, 8 sensors", "air/temperature", "type to filter:", *COLUMNS):
        assert text.replace(" ", "") in shown["monitor"], text
