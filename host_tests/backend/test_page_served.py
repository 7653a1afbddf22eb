"""The page as it is served: live events, TLS, commands over the collector, and its end."""

from __future__ import annotations

import dataclasses
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import sqlalchemy as sa
import trustme

from host_tests.backend.conftest import wait_until
from host_tests.backend.page import Page
from tools.backend.config import load
from tools.backend.database import writing
from tools.backend.feed import Event, Feed
from tools.backend.web import live, users
from tools.backend.web.commands import Commands
from tools.backend.web.parts import Settings
from tools.backend.web.serve import Server
from tools.shared.errors import ToolError
from tools.talk.dialog import signed


@pytest.fixture
def url(tmp_path: Path) -> str:
    """SQLite alone: what is tried here doesn't differ."""
    return f"sqlite:///{tmp_path}/collector.db"


@pytest.fixture
def page(engine: sa.Engine, tmp_path: Path) -> Page:
    """A page on a free port, not yet served."""
    return Page(engine, tmp_path, Settings(port=0))


@pytest.fixture
def server(page: Page) -> Iterator[Server]:
    """That page, served."""
    with Server(page.parts) as server:
        yield server


@contextmanager
def following(server: Server, page: Page, query: str = "") -> Iterator[Iterator[dict[str, Any]]]:
    """The messages of a live stream."""
    request = Request(f"{server.url}api/v1/live?{query}", headers=page.token("viewer"))
    with urlopen(request, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.readline() == b"retry: 2000\n"
        lines = (line.decode() for line in answer)
        yield (json.loads(line[6:]) for line in lines if line.startswith("data: "))


def test_readings_arrive_as_they_are_stored(server: Server, page: Page) -> None:
    with following(server, page, "sensor=shed/air") as messages:
        _until_followed(page)
        page.reading(1, "petrel/shed/other")
        page.reading(21.5)
        ((time, value, unit, fresh),) = next(messages)["readings"]["shed/air"]
    assert (value, unit, fresh) == (21.5, "C", True)
    assert abs(time / 1000 - page.now) < 1


def test_a_node_is_followed_with_all_that_it_says(server: Server, page: Page) -> None:
    kinds: set[str] = set()
    readings: dict[str, Any] = {}
    with following(server, page, "node=shed") as messages:
        _until_followed(page)
        page.reading(1, "petrel/barn/air")
        page.reading(True, "petrel/shed/pump")
        page.publish("petrel/shed/status", "online")
        page.publish("petrel/shed/reply/ping", {"ok": True})
        while not readings or not kinds >= {"status", "reply"}:
            message = next(messages)
            readings |= message.get("readings", {})
            kinds |= {each["kind"] for each in message.get("events", ())}
    assert list(readings) == ["shed/pump"]
    assert readings["shed/pump"][0][1] is True


def test_ten_thousand_readings_are_a_few_messages(server: Server, page: Page) -> None:
    with following(server, page) as messages:
        _until_followed(page)
        events = [Event("reading", 1, "shed", 1, "air", 1.0) for _ in range(10_000)]
        page.feed.publish(events)
        assert next(messages) == {"nodes": {"shed": {"seen": 1}}}


def test_a_change_of_the_alarms_is_told(server: Server, page: Page) -> None:
    page.alarms.load()
    with following(server, page) as messages:
        _until_followed(page)
        page.alarms.save({"name": "hot", "sensor": "*", "above": 1}, "eve")
        assert next(messages) == {"alarms": True}


def test_who_loses_its_token_is_no_longer_told(
    server: Server, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.2)
    with following(server, page) as messages:
        _until_followed(page)
        with writing(page.engine) as connection:
            for token in users.tokens(connection):
                users.remove_token(connection, token["id"])
        assert list(messages) == []


def test_streams_end_with_the_server(page: Page) -> None:
    with Server(page.parts) as server, following(server, page) as messages:
        _until_followed(page)
        server.close()
        assert list(messages) == []


def test_over_tls_with_a_certificate_of_ones_own(engine: sa.Engine, tmp_path: Path) -> None:
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "page.pem", tmp_path / "page.key"
    pair.cert_chain_pems[0].write_to_path(str(certificate))
    pair.private_key_pem.write_to_path(str(key))
    page = Page(engine, tmp_path, Settings(port=0, certificate=certificate, key=key))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with Server(page.parts) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with urlopen(f"{server.url}health", timeout=60, context=context) as answer:
            assert json.load(answer) == {"ok": True}
            assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_a_certificate_that_is_none_is_told(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "page.pem").write_text("none")
    page = Page(engine, tmp_path, Settings(port=0, certificate=tmp_path / "page.pem"))
    with pytest.raises(ToolError, match=r"web\.cert: .*page\.pem and its key can't be used"):
        Server(page.parts).start()


def test_a_port_that_is_taken_is_told(page: Page, server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    other = dataclasses.replace(page.parts, settings=Settings(port=port))
    with pytest.raises(ToolError, match=rf"can't listen at 127\.0\.0\.1:{port}"):
        Server(other).start()


def test_the_page_listens_on_loopback_alone_unless_told(server: Server) -> None:
    assert server._socket is not None
    assert server._socket.getsockname()[0] == "127.0.0.1"


def test_the_secrets_of_nodes_are_not_shown_with_the_config(tmp_path: Path) -> None:
    path = tmp_path / "collector.toml"
    path.write_text('[web.secrets]\nshed = "a secret of ours"\n')
    config = load(path)
    assert "a secret of ours" not in config.model_dump_json() + repr(config)
    assert config.web.secrets["shed"].get_secret_value() == "a secret of ours"


# --- commands over the collector


def replying(feed: Feed, replies: list[Event]) -> Commands:
    """Commands whose nodes answer with these events at once."""
    return Commands(lambda topic, payload: feed.publish(replies), feed)


def test_a_command_takes_the_reply_of_its_own_node() -> None:
    feed = Feed()
    answers = [
        Event("reply", 2, "barn", 1, "ping", "barn's"),
        Event("reply", 1, "shed", 1, "read", "another"),
        Event("command", 1, "shed", 1, "ping", "no reply"),
        Event("reply", 1, "shed", 1, "ping", '{"ok": true}'),
    ]
    asked = replying(feed, answers).ask("petrel", "shed", "ping", "", "", 10)
    assert asked == '{"ok": true}'


def test_a_command_without_a_reply_says_what_to_look_at() -> None:
    with pytest.raises(ToolError, match=r"no reply from petrel/shed within 0\.1 s"):
        replying(Feed(), []).ask("petrel", "shed", "ping", "", "", 0.1)


def test_signed_commands_have_numbers_that_grow() -> None:
    feed = Feed()
    sent: list[bytes] = []

    def publish(topic: str, payload: bytes) -> None:
        sent.append(payload)
        feed.publish([Event("reply", 1, "shed", 1, "ping", "{}")])

    commands = Commands(publish, feed)
    for _ in range(50):
        commands.ask("petrel", "shed", "ping", "x", "a secret of ours", 10)
    numbers = [int(payload.split()[1]) for payload in sent]
    assert sorted(set(numbers)) == numbers
    assert sent[0] == signed("a secret of ours", "petrel/shed/cmd/ping", b"x", numbers[0])


def test_two_who_send_the_same_command_each_get_a_reply() -> None:
    feed = Feed()
    count = iter(range(100))
    lock = threading.Lock()

    def publish(topic: str, payload: bytes) -> None:
        with lock:
            reply = str(next(count))
        threading.Timer(
            0.05, feed.publish, [[Event("reply", 1, "shed", 1, "ping", reply)]]
        ).start()

    commands = Commands(publish, feed)
    got: list[str] = []

    def ask() -> None:
        got.append(commands.ask("petrel", "shed", "ping", "", "", 10))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["0", "1", "2", "3", "4"]


def _until_followed(page: Page) -> None:
    """Wait until the feed has somebody who listens."""
    wait_until(lambda: page.feed.heard, 60, lambda: "nobody listens")
