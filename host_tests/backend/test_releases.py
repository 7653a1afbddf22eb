"""The collector serves releases: to nodes over MQTT, to people and programs on its page."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from host_tests.backend.conftest import Publisher, Running
from host_tests.backend.page import Page
from host_tests.harness import updates
from host_tests.harness.update_node import UpdateNode
from host_tests.harness.updates import BOARD, FILES
from tools.backend import releases as served
from tools.backend import tables as t
from tools.backend.inbox import Message
from tools.backend.releases import Releases
from tools.play.broker import Broker
from tools.update.manifest import OFFER, parse
from tools.update.verify import check_folder, parse_keys

TRUSTED = parse_keys(updates.keys_txt())
PICO = "RPI_PICO_W"
TOPIC = "petrel/n1/update/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Releases 11 and 12, the latter for two boards."""
    root = tmp_path / "updates"
    updates.write(root / "11" / BOARD, serial=11)
    updates.write(root / "12" / BOARD, serial=12)
    updates.write(root / "12" / PICO, serial=12, board=PICO)
    (root / "13.partial").mkdir()
    (root / "14" / BOARD).mkdir(parents=True)
    (root / "14" / BOARD / OFFER).write_text("damaged")
    return root


def message(what: str, payload: bytes) -> Message:
    return Message(TOPIC + what, payload, 0, 0, False, 0, 0)


def request(folder: Path) -> bytes:
    told = parse((folder / "12" / BOARD / OFFER).read_bytes().partition(b"\n")[0])
    return f"{told.id} 0 0 100".encode()


class Answers(list[tuple[str, bytes]]):
    """What was answered to requests, each of which is dealt with before the end."""

    def __init__(self, folder: Path) -> None:
        self.releases = Releases(folder, lambda topic, payload: self.append((topic, payload)))

    def take(self, *messages: Message) -> None:
        self.releases.take(messages)

    def end(self) -> list[bytes]:
        self.releases._waiting.put(None)
        self.releases._work()
        return [payload for _, payload in self]


def test_a_node_fetches_an_offered_release_from_the_collector(
    folder: Path, broker: Broker, engine: sa.Engine, publisher: Publisher
) -> None:
    with (
        Running(broker, engine, updates={"folder": str(folder)}) as running,
        UpdateNode(broker, "n1", BOARD, TRUSTED) as node,
    ):
        publisher.publish(TOPIC + "offer", (folder / "12" / BOARD / OFFER).read_bytes(), True)
        node.wait("good")
        assert node.ran == [12] and bytes(node.files["main.py"]) == FILES["main.py"]
        publisher.reading(1)
        running.wait_for(t.reading, 1)
        assert running.count(t.unreadable) == 0


def test_a_collector_without_releases_stores_nothing_of_an_update(
    broker: Broker, engine: sa.Engine, publisher: Publisher
) -> None:
    with Running(broker, engine) as running:
        for what in ("get", "chunk", "offer", "state"):
            publisher.publish(TOPIC + what, '{"state": "idle"}')
        publisher.reading(1)
        running.wait_for(t.reading, 1)
        assert running.count(t.unreadable) == 0


def test_a_release_of_another_server_is_left_to_it(folder: Path) -> None:
    answers = Answers(folder)
    answers.take(message("get", b"0123456789abcdef 0 0 100"), message("get", b"nonsense"))
    answers.take(message("get", request(folder)))
    (only,) = answers.end()
    assert only.startswith(request(folder).rpartition(b" ")[0] + b"\n")


def test_a_release_that_was_still_being_copied_is_found_later(folder: Path) -> None:
    offer = folder / "12" / BOARD / OFFER
    whole, asked = offer.read_bytes(), request(folder)
    offer.write_bytes(whole[:20])
    answers = Answers(folder)
    answers.take(message("get", asked))
    assert answers.end() == []
    offer.write_bytes(whole)
    answers.take(message("get", asked))
    assert len(answers.end()) == 1


def test_a_node_may_be_called_update() -> None:
    assert not served.is_of_an_update("petrel/update/state", "petrel")
    assert served.is_of_an_update("petrel/update/update/state", "petrel")
    assert served.is_of_an_update("a/b/n1/update/get", "a/b")


def test_nothing_is_said_while_another_server_answers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(folder)
    own = request(folder).rpartition(b" ")[0] + b"\n"
    answers.releases._own.add((TOPIC + "chunk", own[:-1]))
    answers.take(message("chunk", own), message("get", request(folder)))
    assert len(answers.end()) == 1, "its own answer came back, and was none of another"
    answers.take(message("chunk", own), message("chunk", own), message("get", request(folder)))
    assert len(answers.end()) == 1
    monkeypatch.setattr(time, "monotonic", lambda: 1e12)
    answers.take(message("get", request(folder)))
    assert len(answers.end()) == 2


def test_requests_beyond_all_measure_are_dropped(folder: Path) -> None:
    answers = Answers(folder)
    answers.take(*[message("get", request(folder))] * (served.MOST_WAIT + 9))
    assert answers.releases._waiting.qsize() == served.MOST_WAIT


def test_the_page_lists_releases_and_gives_them_away(
    folder: Path, engine: sa.Engine, tmp_path: Path
) -> None:
    page = Page(engine, tmp_path)
    with page.client("viewer") as client:
        assert client.get("/api/v1/releases").json() == []
        assert client.get("/api/v1/releases/12.zip").status_code == 404
    page.parts.releases = Releases(folder, lambda topic, payload: None)
    with page.client() as client:
        for path in ("", "/12.zip", f"/12/{BOARD}/offer"):
            assert client.get(f"/api/v1/releases{path}").status_code == 401
    with page.client("viewer") as client:
        told = client.get("/api/v1/releases").json()
        assert [(one["serial"], one["board"]) for one in told] == [
            (12, BOARD), (12, PICO), (11, BOARD),
        ]  # fmt: skip
        file = client.get(f"/api/v1/releases/12/{BOARD}/lib/node/app.mpy")
        assert file.content == FILES["lib/node/app.mpy"]
        for path in (
            "12/nothing", f"12/{BOARD}/%2e%2e/{PICO}/offer", "12/%2e%2e/11/offer", "13.zip",
            "12//etc/passwd", "14.zip", f"14/{BOARD}/offer",
        ):  # fmt: skip
            answer = client.get(f"/api/v1/releases/{path}")
            assert answer.status_code == 404, path
        packed = client.get("/api/v1/releases/12.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        archive.extractall(tmp_path / "got")
    assert check_folder(tmp_path / "got" / "12" / BOARD, TRUSTED)[0].serial == 12
