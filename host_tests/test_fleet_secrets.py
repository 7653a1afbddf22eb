"""No secret in any output, log, reply, message, database, release or git: a fleet from its first
config to a rollout, and then everything that is there is searched."""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path
from typing import Any

import click
import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from paho.mqtt.enums import CallbackAPIVersion

from host_tests.backend.page import Page
from host_tests.harness import updates
from host_tests.harness.crowd import Crowd
from host_tests.harness.updates import BOARD, FILES
from tools.backend.database import open_database
from tools.fleet import command as fleet
from tools.play.broker import Broker
from tools.update import keyring, keys, offer, releases
from tools.update.keyring import Keyring

SECRETS = {
    "wifi password": "wifi-zebra-lantern",
    "password at the broker": "mqtt-walnut-harbour",
    "secret of commands": "commands-otter-violin",
    "one from the environment": "env-meadow-trumpet",
    "one that a command prints": "told-copper-igloo",
    "passphrase": "phrase-candle-orbit",
    "password of who runs it": "login-saddle-pepper",
}
CONFIG = {
    "node": "bed-1",
    "wifi": {"ssid": "green", "password": SECRETS["wifi password"]},
    "mqtt": {"host": "10.0.0.5", "user": "bed", "password": SECRETS["password at the broker"]},
    "commands": {"secret": SECRETS["secret of commands"]},
    "sensors": [{"name": "door", "driver": "digital", "pin": 4, "pull": "up"}],
}
REFUSED = {**CONFIG, "node": "${node}", "wifi": {"ssid": "!secret told", "password": "!secret of"}}


class Session:
    """What a person sees who runs the commands."""

    def __init__(self, broker: Broker) -> None:
        self.seen: list[str] = []
        self._at = ("--host", f"127.0.0.1:{broker.port}", "--user", "eve")

    def run(self, command: click.Command, *arguments: str, broker: bool = False) -> str:
        """Run it, whether it ends well or not; returns what it said."""
        result = CliRunner().invoke(command, [*arguments, *(self._at if broker else ())])
        said = result.output
        if result.exception:
            said += f"{result.exception!r} {result.exception}"
        self.seen.append(said)
        return said


@pytest.fixture
def person(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """One with keys, a work tree, and a config that works."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv(keyring.FOLDER_VARIABLE, str(tmp_path / "keys"))
    monkeypatch.setenv(keyring.PASSPHRASE_VARIABLE, SECRETS["passphrase"])
    monkeypatch.setenv("PETREL_PASSWORD", SECRETS["password of who runs it"])
    monkeypatch.setenv("SOME_SECRET", SECRETS["one from the environment"])
    subprocess.run(["git", "init", "-q"], check=True)
    (tmp_path / "my.json").write_text(json.dumps(CONFIG))
    return Session(broker)


def listener(broker: Broker, seen: list[str]) -> paho.Client:
    """Hears everything that is published."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: seen.append(
        f"{message.topic} {bytes(message.payload)!r}"
    )
    client.connect(broker.host, broker.port)
    client.subscribe("#", 1)
    client.loop_start()
    return client


def test_no_secret_is_anywhere_but_in_its_files(
    broker: Broker, person: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    published: list[str] = []
    client = listener(broker, published)
    _configs(person, tmp_path)
    _releases(person)
    engine = open_database("sqlite:///collector.db")
    with Crowd(broker, ["bed-1", "bed-2"], 11, 12) as crowd:
        crowd.bad = {"bed-2"}
        assert "2 silent" in person.run(fleet.command, "send", "ping", "--wait", "1", broker=True)
        assert "2 of 2 online" in person.run(fleet.command, "status", broker=True)
        said = person.run(fleet.command, "rollout", "--watch", "0.01", broker=True)
        assert "was stopped: 1 of 2 nodes failed" in said
        person.run(offer.command, "--withdraw", "--all", broker=True)
    page = Page(engine, tmp_path)
    with page.client("admin") as browser:
        for path in ("rollouts", "rollouts/1", "log", "nodes", "me"):
            person.seen.append(browser.get(f"/api/v1/{path}").text)
        person.seen.append(browser.get("/rollouts").text)
    engine.dispose()
    client.disconnect()
    client.loop_stop()

    assert (len(person.seen) > 20, any("/cmd/ping" in each for each in published)) == (True, True)
    assert "stage 1 of 2" in "".join(person.seen)
    nowhere("what is printed, and the page", "\n".join(person.seen))
    nowhere("what is logged", caplog.text)
    nowhere("what is published", "\n".join(published))
    for path in ("updates", "rollouts"):
        for each in filter(Path.is_file, Path(path).rglob("*")):
            nowhere(str(each), each.read_bytes().decode("latin-1"))
    for each in Path().glob("collector.db*"):
        nowhere(str(each), each.read_bytes().decode("latin-1"))
    subprocess.run(["git", "add", "--all"], check=True)
    names = subprocess.check_output(["git", "ls-files", "-z"], text=True).split("\0")[:-1]
    assert {"fleet.toml", "template.json", ".gitignore"} <= {*names}
    for name in names:
        nowhere(f"git, {name}", Path(name).read_bytes().decode("latin-1"))


def _configs(person: Session, tmp_path: Path) -> None:
    """From a config that works to two nodes, with all that can be wrong about a secret."""
    arguments = ("new", "--config", str(tmp_path / "my.json"), "--board", BOARD)
    assert "written: fleet.toml" in person.run(fleet.command, *arguments)
    good = Path("template.json").read_text()
    told = f"echo {SECRETS['one that a command prints']}"
    with Path("secrets.toml").open("a") as file:
        file.write(f'of = {{env = "SOME_SECRET"}}\ntold = {{command = "{told}"}}\n')
    Path("beds.csv").write_text("node\nbed-2\n")
    assert "1 node added" in person.run(fleet.command, "import", "beds.csv")
    for bad in (
        {**REFUSED, "mqtt": {"host": "!secret mqtt_password", "port": "!secret of"}},
        {**REFUSED, "log": "!secret command_secret"},
        {**REFUSED, "sensors": [{"name": "!secret told", "driver": "!secret of"}]},
        {**REFUSED, "wifi": "!secret no_such_one"},
        {"node": "${node}", "wifi": {"password": "text and !secret told"}, "x": "${nothing}"},
    ):
        Path("template.json").write_text(json.dumps(bad))
        assert "refused" in person.run(fleet.command, "render") or bad.get("x") or (
            bad["wifi"] == "!secret no_such_one"
        )  # fmt: skip
    Path("secrets.toml").chmod(0o644)
    assert "secrets.toml" in person.run(fleet.command, "render")
    Path("secrets.toml").chmod(0o600)
    Path("template.json").write_text(good)
    assert "2 configs written" in person.run(fleet.command, "render")
    made: dict[str, Any] = json.loads(Path("configs/bed-2.json").read_text())
    assert made["wifi"]["password"] == SECRETS["wifi password"]
    person.run(fleet.command, "list")
    assert "gone" in person.run(fleet.command, "deploy", "--assign", "--port", "gone")


def _releases(person: Session) -> None:
    """Keys, and two releases that they sign."""
    for words in ("make main", "make spare", "list", "show", "retire spare", "make main"):
        person.run(keys.command, *words.split())
    ring = Keyring()
    signer = keyring.unlock(ring, "main")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(updates, "signer", lambda name="main": signer)
        for serial in (11, 12):
            files = {**FILES, "keys.txt": ring.keys_txt().encode()}
            updates.write(Path("updates") / str(serial) / BOARD, files, serial=serial)
    assert "good" in person.run(releases.command, "verify", "updates/12")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(keyring.PASSPHRASE_VARIABLE, "another passphrase")
        assert "the passphrase is wrong" in person.run(releases.command, "sign", BOARD)


def nowhere(place: str, text: str) -> None:
    """Fail if a secret, or a part of a private key, is in a text."""
    found = [what for what, secret in SECRETS.items() if secret in text]
    for path in Keyring().folder.glob("*.pem"):
        found += [path.name for line in path.read_text().splitlines()[1:-1] if line in text]
    assert not found, f"{place} has the {', '.join(sorted({*found}))}"
