"""`fleet rollout` at a real broker: stages, an end that comes by itself, and nodes taken back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness import updates
from host_tests.harness.commands import Command
from host_tests.harness.crowd import Crowd
from host_tests.harness.update_node import UpdateNode
from host_tests.harness.updates import BOARD, FILES
from tools.backend import rollouts
from tools.backend import tables as t
from tools.backend.database import open_database, writing
from tools.fleet import book, plan, rollout
from tools.fleet import command as fleet
from tools.fleet.rollout import Window
from tools.fleet.status import look
from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import ROOT
from tools.talk.connection import Address
from tools.update import keyring
from tools.update.keyring import Keyring
from tools.update.verify import check_folder, parse_keys

COUNT = 6
FLEET = f"""
template = "template.json"
board = "{BOARD}"
[nodes]
n0 = {{}}
n1 = {{}}
n2 = {{}}
n3 = {{}}
n4 = {{}}
n5 = {{}}
"""
ROLLOUT = Command(fleet.command, hidden=updates.PASSPHRASE)
# No waiting: what a node is watched for is tried with a clock of its own, in test_stages.py.
QUICK = ("rollout", "--watch", "0", "--stages", "1,3")


@pytest.fixture(scope="module")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring with the key "main"; to make one takes a second."""
    folder = tmp_path_factory.mktemp("keys") / "keys"
    Keyring(folder).make("main", updates.PASSPHRASE)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_keys: Path) -> Path:
    """Releases 11 and 12, signed by "main" of a keyring; a fleet of six nodes."""
    shutil.copytree(made_keys, tmp_path / "keys")
    monkeypatch.setenv(keyring.FOLDER_VARIABLE, str(tmp_path / "keys"))
    monkeypatch.setenv(keyring.PASSPHRASE_VARIABLE, updates.PASSPHRASE)
    monkeypatch.chdir(tmp_path)
    keys = Keyring()
    monkeypatch.setattr(updates, "signer", lambda name="main": keyring.unlock(keys, name))
    for serial in (11, 12):
        files = {**FILES, "main.py": b"print(%d)\n" % serial, "keys.txt": keys.keys_txt().encode()}
        updates.write(tmp_path / "updates" / str(serial) / BOARD, files, serial=serial)
    (tmp_path / "fleet.toml").write_text(FLEET)
    return tmp_path


@contextmanager
def nodes(
    broker: Broker, fails: Callable[[str], bool] = lambda name: False, off: tuple[str, ...] = ()
) -> Iterator[dict[str, UpdateNode]]:
    """Nodes that run release 11. fails: for which of them release 12 is a bad one"""
    trusted = parse_keys(Keyring().keys_txt())
    with ExitStack() as stack:
        made = {}
        for number in range(COUNT):
            name = f"n{number}"
            bad = fails(name)
            if name not in off:
                made[name] = stack.enter_context(
                    UpdateNode(
                        broker, name, BOARD, trusted, serial=11,
                        fails=lambda serial, bad=bad: bad and serial == 12,  # type: ignore[misc]
                    )
                )  # fmt: skip
        yield made


def at(broker: Broker) -> tuple[str, str]:
    return "--host", f"127.0.0.1:{broker.port}"


def log() -> str:
    return Path("rollouts/log.txt").read_text()


def test_a_good_release_reaches_all_in_stages(broker: Broker) -> None:
    with nodes(broker) as fleet_:
        output = ROLLOUT.said(*QUICK, *at(broker))
        assert {node.serial for node in fleet_.values()} == {12}
    places = [output.index(f"stage {number} of 3") for number in (1, 2, 3)]
    assert places == sorted(places) and "Release 12 runs well on 6 nodes" in output
    assert log().count(": healthy: runs it") == COUNT and "begins, 6 nodes" in log()


def test_a_bad_one_is_stopped_and_all_are_taken_back(broker: Broker) -> None:
    with nodes(broker, lambda name: name == "n2") as fleet_:
        output = ROLLOUT.refused(*QUICK, *at(broker))
        assert {node.serial for node in fleet_.values()} == {11}
        assert fleet_["n0"].ran == [12, 11]
        assert not any(fleet_[name].ran for name in ("n3", "n4", "n5"))
    assert "the rollout of 12 was stopped: 1 of 3 nodes failed, the last: ImportError" in output
    assert "n2: failed: ImportError" in log() and "n0: back" in log()
    assert "was stopped" in ROLLOUT.refused(*QUICK, *at(broker)), "it would begin again"


def test_nodes_that_are_off_get_it_another_time(broker: Broker) -> None:
    with nodes(broker, off=("n0", "n5")):
        output = ROLLOUT.said(*QUICK, *at(broker))
    assert "Release 12 runs well on 4 nodes; 2 were off" in output
    with nodes(broker) as fleet_:
        assert "Release 12 runs well on 6 nodes" in ROLLOUT.said(*QUICK, *at(broker))
        assert fleet_["n0"].serial == 12
    assert "goes on, 6 nodes" in log()


def test_one_that_was_killed_goes_on(broker: Broker, folder: Path) -> None:
    command = [sys.executable, "-m", "tools", "fleet", *QUICK, *at(broker)]
    where = ["--fleet", str(folder / "fleet.toml"), "--from", str(folder / "updates")]
    with nodes(broker) as fleet_:
        with subprocess.Popen(
            [*command, *where], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process:  # fmt: skip
            assert process.stdout
            for line in process.stdout:
                if line.startswith("stage 2"):
                    process.kill()
        assert json.loads(Path("rollouts/12.json").read_text())["members"]["n0"]["phase"]
        assert "Release 12 runs well on 6 nodes" in ROLLOUT.said(*QUICK, *at(broker))
        assert all(node.ran == [12] for node in fleet_.values())


class Cut(Exception):
    """The command is killed."""


@pytest.mark.parametrize("before", [True, False], ids=["before it is kept", "after it is kept"])
@pytest.mark.parametrize("bad", [False, True], ids=["good", "bad"])
def test_one_that_is_killed_again_and_again_goes_on(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, before: bool, bad: bool
) -> None:
    """Each time a moment later, before or after something new is kept and not yet done."""
    monkeypatch.setattr(rollout, "TICK_S", 0.4)
    save = book.Files.save
    left = 0

    def cut(self: book.Files, kept: dict[str, Any], over: bool) -> bool:
        nonlocal left
        new = json.dumps(kept) != self._before
        left -= new
        if before and new and left < 0:
            raise Cut
        save(self, kept, over)
        if new and left < 0:
            raise Cut
        return True

    monkeypatch.setattr(book.Files, "save", cut)
    known = list(plan.load(Path("fleet.toml")).nodes.values())
    with nodes(broker, lambda name: bad and name == "n2") as fleet_:
        while not all(
            each.online
            for each in look(Address(broker.host, broker.port), "petrel", known).values()
        ):
            pass
        for turn in range(60):
            left = turn
            done = ROLLOUT.run(*QUICK, *at(broker))
            assert not bad or not any(fleet_[name].ran for name in ("n3", "n4", "n5"))
            if not isinstance(done.exception, Cut):
                break
        if bad:
            assert "the rollout of 12 was stopped: 1 of 3 nodes failed" in str(done.exception)
            assert {node.serial for node in fleet_.values()} == {11}
        else:
            assert "Release 12 runs well on 6 nodes" in done.output
            assert all(node.ran == [12] for node in fleet_.values())


@pytest.mark.parametrize("interrupted", [False, True])
def test_five_hundred_of_which_one_in_twenty_crashes(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    """Stopped in the second stage, at most 6 % were ever on it, and all are back."""
    names = [f"n{number}" for number in range(500)]
    lines = "".join(f"{name} = {{}}\n" for name in names)
    Path("fleet.toml").write_text(FLEET.partition("n0")[0] + lines)
    save, cuts = book.Files.save, 0

    def cut(self: book.Files, kept: dict[str, Any], over: bool) -> bool:
        nonlocal cuts
        save(self, kept, over)
        if kept["stage"] == 1 and cuts < 3 and kept["todo"]:
            cuts += 1
            raise Cut
        return True

    if interrupted:
        monkeypatch.setattr(book.Files, "save", cut)
    command = ("rollout", "--watch", "0.02", *at(broker))
    with Crowd(broker, names, 11, 12) as crowd:
        crowd.bad = {name for name in names if int(name[1:]) % 20 == 7}
        while isinstance((done := ROLLOUT.run(*command)).exception, Cut):
            pass
        assert "the rollout of 12 was stopped" in str(done.exception)
        assert set(crowd.runs.values()) == {11}
        assert 1 < crowd.most <= 30
    assert cuts == 3 * interrupted
    assert "stage 2 of 4, 25 nodes" in log() and "stage 3" not in log()


def test_two_at_once_are_refused(broker: Broker) -> None:
    lock = Lock(Path("rollouts/12.lock"))
    assert lock.taken()
    assert "the rollout of 12 runs already" in ROLLOUT.refused(*QUICK, *at(broker))
    lock.free()


def test_one_can_stop_it_and_give_it_once_more(broker: Broker) -> None:
    assert "no rollout of 12 was begun" in ROLLOUT.refused(*QUICK, "--stop", *at(broker))
    with nodes(broker) as fleet_:
        ROLLOUT.said(*QUICK, *at(broker))
        assert "no node failed" in ROLLOUT.refused(*QUICK, "--retry", *at(broker))
        output = ROLLOUT.said(*QUICK, "--stop", *at(broker))
        assert "The rollout of 12 is stopped; 6 nodes taken back" in output
        assert {node.serial for node in fleet_.values()} == {11}
        assert "Release 12 runs well on 6 nodes" in ROLLOUT.said(*QUICK, "--retry", *at(broker))
        assert all(node.ran == [12, 11, 12] for node in fleet_.values())
    assert f"{book.who()} serial 12: stops it" in log()
    assert "gives it once more to 6 nodes" in log()


def test_with_a_collector_it_is_kept_there_and_stopped_from_its_page(broker: Broker) -> None:
    engine = open_database("sqlite:///collector.db")
    with nodes(broker) as fleet_:
        assert "runs well on 6 nodes" in ROLLOUT.said(*QUICK, *at(broker))
        assert not Path("rollouts/12.json").exists()
        with writing(engine) as connection:
            (told,) = rollouts.rollouts(connection)
            assert (told["state"], told["counts"], told["runner"]) == (
                "done", {"healthy": 6}, book.who(),
            )  # fmt: skip
            connection.execute(t.rollout.update().values(phase=rollouts.RUNS))
            rollouts.ask_to_stop(connection, told["id"], "eve on the page")
        output = ROLLOUT.refused(*QUICK, *at(broker))
        assert "was stopped: eve on the page stopped it" in output
        assert {node.serial for node in fleet_.values()} == {11}
        assert "runs well on 6 nodes" in ROLLOUT.said(*QUICK, "--retry", *at(broker))
    engine.dispose()


def test_those_that_failed_are_retried(broker: Broker) -> None:
    fails = {"n5"}
    limit = ("--limit", "50")
    with nodes(broker, fails.__contains__) as fleet_:
        output = ROLLOUT.said(*QUICK, *limit, *at(broker))
        assert "runs well on 5 nodes; 1 failed: give it to them once more with --retry" in output
    fails.clear()
    with nodes(broker) as fleet_:
        assert "runs well on 6 nodes" in ROLLOUT.said(*QUICK, *limit, "--retry", *at(broker))
        assert fleet_["n5"].ran == [12]


def test_a_node_that_is_pinned_stays(broker: Broker) -> None:
    Path("fleet.toml").write_text(FLEET.replace("n1 = {}", "n1 = {release = 11}"))
    with nodes(broker) as fleet_:
        assert "Release 12 runs well on 5 nodes" in ROLLOUT.said(*QUICK, *at(broker))
        assert fleet_["n1"].serial == 11


def test_only_some_can_be_named(broker: Broker) -> None:
    with nodes(broker) as fleet_:
        assert "Release 12 runs well on 2 nodes" in ROLLOUT.said(*QUICK, "n3", "n4", *at(broker))
        assert [name for name, node in fleet_.items() if node.ran] == ["n3", "n4"]
        assert "runs well on 3 nodes" in ROLLOUT.said(*QUICK, "n1", *at(broker))
        assert [name for name, node in fleet_.items() if node.ran] == ["n1", "n3", "n4"]


def test_nothing_is_offered_while_the_window_is_shut(broker: Broker) -> None:
    now = datetime.now()
    hour = f"{(now.hour + 3) % 24:02}:00-{(now.hour + 4) % 24:02}:00"
    with nodes(broker) as fleet_:
        done = subprocess.Popen(
            [sys.executable, "-m", "tools", "fleet", *QUICK, "--window", hour, *at(broker),
             "--fleet", f"{Path.cwd()}/fleet.toml", "--from", f"{Path.cwd()}/updates"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert done.stdout and "nobody yet" in done.stdout.readline()
        done.kill()
        done.wait()
        done.stdout.close()
        assert "begins, 6 nodes" in log() and "offered" not in log()
        assert not any(node.chunks for node in fleet_.values())


# --- the way back


def test_the_way_back_is_a_signed_downgrade_of_the_release_before(broker: Broker) -> None:
    with nodes(broker):
        ROLLOUT.said(*QUICK, *at(broker))
    back = Path("updates/11-back-12") / BOARD
    told, _ = check_folder(back, parse_keys(Keyring().keys_txt()))
    assert (told.serial, told.downgrade) == (11, 12)
    assert (back / "main.py").read_bytes() == b"print(11)\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--back", "9"), "there is no release 9"), (("--serial", "11"), "no release before 11"),
     (("--serial", "13"), "there is no release 13"), (("--stages", "0"), "can't be read"),
     (("--window", "22-5"), "is not a window"), (("n9",), "no node or group 'n9'"),
     (("--sign-with", "other"), "there is no key 'other'")],
)  # fmt: skip
def test_what_makes_no_sense_is_told_before_anything_is_offered(
    broker: Broker, arguments: tuple[str, ...], words: str
) -> None:
    assert words in ROLLOUT.refused(*QUICK, *arguments, *at(broker))


def test_a_key_that_nodes_will_not_trust_is_refused(broker: Broker) -> None:
    Keyring().make("late", updates.PASSPHRASE)
    output = ROLLOUT.refused(*QUICK, "--sign-with", "late", *at(broker))
    assert "so they could not be taken back" in output


def test_a_board_without_files_is_told(broker: Broker) -> None:
    Path("fleet.toml").write_text(FLEET.replace("n1 = {}", 'n1 = {board = "RPI_PICO_W"}'))
    assert "has nothing for RPI_PICO_W" in ROLLOUT.refused(*QUICK, *at(broker))


@pytest.mark.parametrize(
    ("text", "open_", "shut"),
    [("08:00-17:30", "08:00 12:00 17:29", "07:59 17:30 00:00"),
     ("22:00-05:00", "22:00 23:59 00:00 04:59", "05:00 12:00 21:59")],
)  # fmt: skip
def test_a_window_may_cross_midnight(text: str, open_: str, shut: str) -> None:
    window = Window.of(text)
    for times, is_open in ((open_, True), (shut, False)):
        for time in times.split():
            assert window.open_at(datetime.strptime(time, "%H:%M")) == is_open, time
    with pytest.raises(ToolError):
        Window.of("24:00-05:00")
