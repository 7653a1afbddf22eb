"""Alarms at work: over the database, across restarts, to a real receiver through Apprise."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from host_tests.backend.page import Page
from tools.backend.alarms.sending import by_apprise
from tools.backend.alarms.service import Alarms
from tools.backend.config import RetentionSection
from tools.backend.feed import Feed
from tools.backend.jobs import run
from tools.shared.errors import ToolError

FILE = """
[notify]
me = "json://example"

[[rule]]
name = "hot"
sensor = "shed/air"
above = 30
hysteresis = 1
text = "Open the roof."

[[rule]]
name = "silence"
node = "*"
silent = "10m"
"""


@pytest.fixture
def page(engine: sa.Engine, tmp_path: Path) -> Page:
    """A page whose rules are those of FILE."""
    page = Page(engine, tmp_path)
    page.rules.write_text(FILE)
    page.alarms.load()
    return page


@pytest.fixture
def restarted(engine: sa.Engine, page: Page) -> Callable[[], Alarms]:
    """The alarms of the same database in another process."""

    def again() -> Alarms:
        page.alarms = Alarms(engine, Feed(), page.rules, page._send, lambda: page.now)
        page.alarms.load()
        return page.alarms

    return again


def titles(page: Page) -> list[str]:
    """What is sent now."""
    return [title for _, title, _ in page.send()]


def test_a_crossing_a_return_and_silence_are_each_told_once(page: Page) -> None:
    for value in (20, 31, 32, 31.5):
        page.reading(value)
    assert page.send() == [
        ("json://example", "Alarm: hot", "shed/air is 31.0 °C, above 30\nOpen the roof.")
    ]
    page.reading(29.5)
    assert titles(page) == []
    page.reading(25)
    assert titles(page) == ["OK: hot"]
    page.later(700)
    page.later(700)
    assert titles(page) == ["Alarm: silence"]
    page.reading(25)
    page.reading(25)
    assert titles(page) == ["OK: silence"]


def test_after_a_restart_what_was_told_is_not_told_again(
    page: Page, restarted: Callable[[], Alarms]
) -> None:
    page.reading(31)
    assert titles(page) == ["Alarm: hot"]
    restarted()
    page.reading(33)
    page.later(1)
    assert titles(page) == []
    page.reading(20)
    assert titles(page) == ["OK: hot"]


def test_what_was_not_sent_before_a_restart_is_sent_after_it(
    page: Page, restarted: Callable[[], Alarms]
) -> None:
    page.reading(31)
    restarted()
    assert titles(page) == ["Alarm: hot"]
    assert titles(page) == []


def test_a_delay_goes_on_over_a_restart(page: Page, restarted: Callable[[], Alarms]) -> None:
    page.rules.write_text(FILE.replace("hysteresis = 1", 'for = "5m"'))
    page.alarms.load()
    page.reading(31)
    page.later(200)
    restarted()
    page.reading(31)
    page.later(101)
    assert titles(page) == ["Alarm: hot"]


def test_a_service_that_fails_gets_it_later_and_once(page: Page) -> None:
    answers = ["refused", "refused", ""]
    sent: list[str] = []

    def send(url: str, title: str, body: str, kind: str) -> str:
        sent.append(title)
        return answers[len(sent) - 1]

    page.alarms.notices.send = send
    page.reading(31)
    for _ in range(200):
        page.now += 5
        page.alarms.notices.send_due()
    assert sent == ["Alarm: hot"] * 3


def test_a_file_that_is_saved_is_read_again(page: Page) -> None:
    page.reading(28)
    page.rules.write_text(FILE.replace("above = 30", "above = 25"))
    page.later(1)
    page.reading(28)
    assert titles(page) == ["Alarm: hot"]


def test_a_file_that_is_wrong_changes_nothing_and_is_told(page: Page) -> None:
    page.rules.write_text(FILE.replace("above = 30", 'above = "warm"'))
    page.later(1)
    assert "hot.above: 'warm' isn't a number" in page.alarms.error
    page.reading(31)
    assert titles(page) == ["Alarm: hot"]
    page.rules.write_text(FILE)
    page.later(1)
    assert page.alarms.error == ""


def test_at_the_start_a_file_that_is_wrong_is_an_error(engine: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text("[[rule]]\n")
    with pytest.raises(ToolError, match=r"alarms\.toml: rule 1: it needs a name"):
        Alarms(engine, Feed(), path, by_apprise).start()


def test_history_and_notices_are_removed_with_the_history(page: Page) -> None:
    page.now -= 100 * 86400
    page.reading(31)
    assert titles(page) == ["Alarm: hot"]
    page.now = time.time()
    page.reading(20)
    run(page.engine, RetentionSection(history_days=90), int(page.now * 1000))
    with page.client("viewer") as client:
        kinds = [each["kind"] for each in client.get("/api/v1/alarms/history").json()]
        told = [each["title"] for each in client.get("/api/v1/alarms/notices").json()]
    assert kinds == ["returned"]
    assert told == ["OK: hot"]


def test_a_rule_that_is_deleted_ends_its_alarm_without_a_word(page: Page) -> None:
    page.alarms.save({"name": "made", "sensor": "shed/air", "above": 10}, "eve")
    page.reading(20)
    assert titles(page) == ["Alarm: made"]
    page.alarms.delete("made")
    page.reading(5)
    page.later(1)
    assert titles(page) == []
    with page.client("viewer") as client:
        assert client.get("/api/v1/alarms").json() == []
        assert client.get("/api/v1/alarms/history").json()[0]["kind"] == "ended"


def test_what_is_said_on_the_page_of_another_collector_counts(page: Page) -> None:
    other = Alarms(page.engine, Feed(), page.rules, page._send, lambda: page.now, on=False)
    other.start()
    page.reading(31)
    other.acknowledge("hot", "shed/air", "eve")
    other.mute("hot", "", 3600, "eve")
    other.save({"name": "made", "sensor": "shed/air", "above": 40}, "eve")
    page.later(1)
    assert page.alarms._engine.states["hot", "shed/air"].acknowledged == "eve"
    page.reading(20)
    page.reading(45)
    assert titles(page) == ["Alarm: hot", "Alarm: made"]
    with pytest.raises(KeyError):
        other.acknowledge("hot", "barn/air", "eve")


def test_a_database_that_is_gone_for_a_while_loses_no_change(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = sa.exc.OperationalError("insert", {}, Exception("no database"))

    def fails(*arguments: Any) -> None:
        raise gone

    with monkeypatch.context() as patch:
        patch.setattr("tools.backend.alarms.memory.keep", fails)
        with pytest.raises(sa.exc.OperationalError):
            page.reading(31)
        with pytest.raises(sa.exc.OperationalError):
            page.later(1)
    page.later(1)
    page.later(1)
    assert titles(page) == ["Alarm: hot"]


def test_ten_thousand_readings_a_second_can_be_judged(page: Page) -> None:
    """A rule for all nodes, and a reading of each of 2,000, ten times over."""
    engine = page.alarms._engine
    began = time.process_time()
    for number in range(20_000):
        engine.reading(f"n{number % 2000}", "air", 20.0, page.now, page.now)
    engine.tick(page.now)
    assert time.process_time() - began < 2


class Receiver:
    """What Apprise's json:// posts to: a server on loopback that remembers it."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.arrived = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(json.loads(body))
                receiver.arrived.set()
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *values: Any) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/alarms"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver, for one test."""
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_apprise_delivers_to_a_real_receiver(page: Page, receiver: Receiver) -> None:
    page.rules.write_text(FILE.replace("json://example", receiver.url))
    page.alarms.notices.send = by_apprise
    page.later(1)
    page.reading(31)
    page.reading(20)
    page.alarms.notices.send_due()
    assert [(each["title"], each["type"]) for each in receiver.got] == [
        ("Alarm: hot", "warning"),
        ("OK: hot", "success"),
    ]
    assert receiver.got[0]["message"] == "shed/air is 31.0 °C, above 30\nOpen the roof."


def test_apprise_says_why_it_did_not(receiver: Receiver) -> None:
    receiver.close()
    assert "can it be reached" in by_apprise(receiver.url, "a", "b", "raised")
    assert "doesn't know" in by_apprise("pigeon://home", "a", "b", "raised")


def hot_until_told(page: Page, receiver: Receiver) -> None:
    """Readings that are too hot go on until somebody has been told."""
    page.alarms = Alarms(page.engine, Feed(), None, page._send)  # judges nothing
    end = time.monotonic() + 20
    while not receiver.arrived.wait(0.2) and time.monotonic() < end:
        page.now = time.time()
        page.reading(31)


def test_two_threads_judge_and_send_by_themselves(page: Page, receiver: Receiver) -> None:
    page.rules.write_text(FILE.replace("json://example", receiver.url))
    with Alarms(page.engine, page.feed, page.rules, by_apprise):
        hot_until_told(page, receiver)
    assert [each["title"] for each in receiver.got] == ["Alarm: hot"]


def test_a_fault_in_the_program_ends_no_alarms(page: Page, receiver: Receiver) -> None:
    page.rules.write_text(FILE.replace("json://example", receiver.url))
    faults = iter([ZeroDivisionError("judging"), ZeroDivisionError("sending")])

    class Faulty(Alarms):
        def take(self, events: Any) -> None:
            for fault in faults:
                raise fault
            super().take(events)

    with Faulty(page.engine, page.feed, page.rules, by_apprise):
        hot_until_told(page, receiver)
    assert [each["title"] for each in receiver.got] == ["Alarm: hot"]


def test_a_service_that_raises_is_one_that_did_not_take_it(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    def raises(*arguments: Any, **options: Any) -> bool:
        raise TypeError("a fault of its own")

    monkeypatch.setattr("apprise.Apprise.notify", raises)
    assert by_apprise(receiver.url, "a", "b", "raised") == "TypeError: a fault of its own"
