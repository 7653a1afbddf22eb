"""`fleet deploy`: each board on USB gets the config of its node, one by one or together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from host_tests.harness.commands import Command
from host_tests.harness.serial_board import SerialBoard
from tools.board.deploy import deploy as real_deploy
from tools.fleet import command as fleet
from tools.fleet import floor, ids, plan
from tools.fleet.floor import Floor
from tools.make.package import STAGE
from tools.shared.errors import ToolError
from tools.update.keyring import Keyring
from tools.update.manifest import KEYS

FLEET = """
# a comment that stays
template = "template.json"
board = "ESP8266_GENERIC"

[nodes.a]
place = "bench" # and this one
[groups.north]
[nodes.b]
group = "north"
[nodes]
c = {board = "RPI_PICO_W"}
"""
TEMPLATE = {
    "wifi": {"ssid": "green", "password": "!secret wifi"},
    "mqtt": {"host": "10.0.0.2"},
    "sensors": [{"name": "door", "driver": "digital", "pin": 4, "pull": "up"}],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet of three nodes in the working folder, and a Petrel of four files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    (tmp_path / "secrets.toml").write_text('wifi = "long enough"')
    (tmp_path / "secrets.toml").chmod(0o600)
    package = tmp_path / "package"
    for name in ("boot.py", "main.py", "board.txt", "lib/x.mpy", STAGE):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(f"of {name}\n")
    monkeypatch.setattr(floor, "build", lambda name, quiet: package)
    monkeypatch.setattr(floor, "deploy", without_selection(real_deploy))
    return tmp_path


def without_selection(real: Callable[..., int]) -> Callable[..., int]:
    """deploy without the board's facts, by which it would choose among the modules of Petrel."""

    def deploy(*arguments: object, **more: object) -> int:
        return real(*arguments[:4], None, **more)

    return deploy


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[list[SerialBoard]]:
    """Three boards with MicroPython."""
    with ExitStack() as stack:
        yield [stack.enter_context(SerialBoard(tmp_path / f"board{n}")) for n in range(3)]


DEPLOY = Command(fleet.command, hidden="long enough")


def node_on(board: SerialBoard) -> str:
    return str(json.loads((board.root / "config.json").read_text())["node"])


def test_a_board_gets_the_config_that_its_id_has(boards: list[SerialBoard]) -> None:
    text = FLEET.replace("[nodes.a]", f'[nodes.a]\nid = "{boards[1].id}"')
    Path("fleet.toml").write_text(text.replace("[nodes.b]", f'[nodes.b]\nid = "{boards[0].id}"'))
    ports = ("--port", boards[0].port, "--port", boards[1].port)
    output = DEPLOY.said("deploy", *ports)
    assert (node_on(boards[0]), node_on(boards[1])) == ("b", "a")
    assert "2 boards done" in output
    for board in boards[:2]:
        board.wait_reset()
        assert (board.root / "lib" / "x.mpy").read_text() == "of lib/x.mpy\n"


def test_a_board_that_is_new_becomes_the_next_node_and_stays_it(
    boards: list[SerialBoard],
) -> None:
    for board, name in zip(boards, ("a", "b", "c"), strict=True):
        DEPLOY.said("deploy", "--assign", "--port", board.port)
        assert node_on(board) == name
    text = Path("fleet.toml").read_text()
    assert re.sub(r', ?id = "\w+"|id = "\w+"\n', "", text) == FLEET
    nodes = plan.load(Path("fleet.toml")).nodes
    assert [node.id for node in nodes.values()] == [board.id for board in boards]
    output = DEPLOY.said("deploy", "--assign", "--port", boards[1].port)
    assert node_on(boards[1]) == "b" and "nothing to copy" in output


def test_a_board_that_nobody_knows_is_told_with_its_id(boards: list[SerialBoard]) -> None:
    output = DEPLOY.refused("deploy", "--port", boards[0].port)
    assert f'Add id = "{boards[0].id}" to its node' in output
    assert "1 board failed, 0 done" in output
    assert not (boards[0].root / "config.json").exists()


def test_one_that_fails_holds_up_no_other(boards: list[SerialBoard]) -> None:
    boards[0].unplug()
    Path("gone").touch()
    output = DEPLOY.refused("deploy", "--assign", "--port", "gone", "--port", boards[1].port)
    assert "gone: failed:" in output and "1 board failed, 1 done" in output
    assert node_on(boards[1]) == "a"


def test_nothing_is_deployed_if_a_config_is_refused(boards: list[SerialBoard]) -> None:
    bad = {**TEMPLATE, "sensors": [{"name": "x", "driver": "digital", "pin": 99}]}
    Path("template.json").write_text(json.dumps(bad))
    assert "3 of 3 configs were refused" in DEPLOY.refused(
        "deploy", "--assign", "--port", boards[0].port
    )
    assert not (boards[0].root / "config.json").exists()


def test_boards_get_the_keys_that_their_nodes_trust(
    boards: list[SerialBoard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keyring, "keys_txt", lambda self: "the keys\n")
    DEPLOY.said("deploy", "--assign", "--port", boards[0].port)
    assert (boards[0].root / KEYS).read_text() == "the keys\n"


# --- boards that come and go


class Bench:
    """What is plugged in, and the time; `script` has what happens between two looks."""

    def __init__(self, *script: tuple[float, dict[str, str]]) -> None:
        self._script = list(script)
        self._now = 0.0

    def plugged(self) -> dict[str, str]:
        return self._script[0][1]

    def now(self) -> float:
        return self._now

    def pause(self, _: float) -> None:
        self._now += self._script[0][0]
        self._script.pop(0)


def watched(monkeypatch: pytest.MonkeyPatch, bench: Bench, count: int = 3) -> list[str]:
    """The ports to which it deploys, in order; the n-th deploy is that of a node of its own."""
    known = plan.load(Path("fleet.toml"))
    nodes = list(known.nodes.values())[:count]
    running = Floor(known, nodes, True, lambda line: None)
    ports: list[str] = []

    def one(port: str) -> None:
        ports.append(port)
        running.done[f"node {len(ports)}"] = port

    monkeypatch.setattr(running, "one", one)
    running.watch(bench.plugged, 1, bench.now, bench.pause)
    return ports


def test_boards_are_taken_one_after_the_other_at_the_same_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = {"ttyUSB0": "1-1 None"}
    bench = Bench((1, {}), (9, here), (9, {}), (9, here), (9, {}), (9, here), (9, {}))
    assert watched(monkeypatch, bench) == ["ttyUSB0"] * 3


def test_a_board_that_restarts_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    here, other = {"ttyACM0": "1-1 a"}, {"ttyACM0": "1-1 b"}
    bench = Bench((1, here), (1, {}), (1, here), (1, here), (9, {}), (1, other), (1, {}))
    assert watched(monkeypatch, bench, 2) == ["ttyACM0"] * 2


def test_those_on_a_hub_are_all_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench((1, {"a": "1-1", "b": "1-2", "c": "1-3"}), (1, {}))
    assert sorted(watched(monkeypatch, bench)) == ["a", "b", "c"]


# --- which node a board is


@pytest.mark.parametrize(
    ("number", "platform", "assign", "found"),
    [("aa" * 6, "esp8266", True, "a"), ("aa" * 6, "rp2", True, "c"),
     ("aa" * 6, "linux", True, "a"), ("bb" * 6, "esp8266", False, "b")],
)  # fmt: skip
def test_a_board_is_found_by_its_id_else_by_its_kind(
    number: str, platform: str, assign: bool, found: str
) -> None:
    Path("fleet.toml").write_text(FLEET.replace("[nodes.b]", f'[nodes.b]\nid = "{"bb" * 6}"'))
    known = plan.load(Path("fleet.toml"))
    nodes = list(known.nodes.values())
    assert ids.node_of(known, number, platform, nodes, assign).name == found


@pytest.mark.parametrize(
    ("number", "platform", "assign", "words"),
    [("aa" * 6, "esp8266", False, "no node with the id aaaaaaaaaaaa"),
     ("bb" * 6, "esp32", True, "is b, for ESP8266_GENERIC, and this is a esp32"),
     ("aa" * 6, "pyboard", True, "2 have no id yet, and none of these is for a pyboard")],
)  # fmt: skip
def test_a_board_that_can_be_no_node_is_told(
    number: str, platform: str, assign: bool, words: str
) -> None:
    Path("fleet.toml").write_text(FLEET.replace("[nodes.b]", f'[nodes.b]\nid = "{"bb" * 6}"'))
    known = plan.load(Path("fleet.toml"))
    with pytest.raises(ToolError) as caught:
        ids.node_of(known, number, platform, list(known.nodes.values()), assign)
    assert words in str(caught.value)


def test_a_board_of_a_node_that_is_not_meant_is_told() -> None:
    Path("fleet.toml").write_text(FLEET.replace("[nodes.b]", f'[nodes.b]\nid = "{"bb" * 6}"'))
    known = plan.load(Path("fleet.toml"))
    with pytest.raises(ToolError, match="is b\n  It isn't among those named"):
        ids.node_of(known, "bb" * 6, "esp8266", [known.nodes["a"]], True)
