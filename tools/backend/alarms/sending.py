"""Sends the notices of alarms to those who are to be told, in a thread of its own.

A slow mail server holds up nothing else. What fails is sent again later: memory.py knows when.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import sqlalchemy as sa

from tools.backend.alarms import memory
from tools.backend.database import reason, writing

EVERY_S = 1.0
log = logging.getLogger("petrel.alarms")


class Sender(Protocol):
    """How a notice reaches somebody: returns why it did not, or nothing."""

    def __call__(self, url: str, title: str, body: str, kind: str) -> str: ...


class Notices:
    """What is to be sent, and who gets it.

    targets: who can be told, by name; their URLs hold passwords and stay here
    """

    def __init__(
        self,
        database: sa.Engine,
        targets: Callable[[], Mapping[str, str]],
        send: Sender,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._targets = targets
        self.send = send
        self._clock = clock
        self._ended = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if it was started."""
        self._ended.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def wake(self) -> None:
        """There is something to send."""
        self._woken.set()

    def send_due(self) -> int:
        """Send the notices that are due; returns how many there were."""
        with self._database.connect() as connection:
            due = memory.due(connection, memory.ms(self._clock()))
        for notice in due:
            url = self._targets().get(notice["target"])
            error = f"[notify] has no {notice['target']}"
            if url is not None:
                error = self.send(url, notice["title"], notice["body"], notice["kind"])
            now = memory.ms(self._clock())
            with writing(self._database) as connection:
                if error:
                    log.warning("notice to %s failed: %s", notice["target"], error)
                    memory.failed(connection, notice, now, error)
                else:
                    memory.sent(connection, notice["id"], now)
        return len(due)

    def test(self, target: str) -> str:
        """Send somebody a test message; returns why that failed, or nothing."""
        url = self._targets().get(target)
        if url is None:
            raise KeyError(target)
        return self.send(url, "Petrel: test", "This is how an alarm reaches you.", "raised")

    def _run(self) -> None:
        while not self._ended.is_set():
            found = 0
            with going_on("notices"):
                found = self.send_due()
            if not found:
                self._woken.wait(EVERY_S)
            self._woken.clear()


def by_apprise(url: str, title: str, body: str, kind: str) -> str:
    """Send through Apprise, which knows some hundred services; see Sender."""
    import apprise

    service = apprise.Apprise()
    if not service.add(url):
        return "Apprise doesn't know this URL; see docs/alarms.md"
    sort = apprise.NotifyType.SUCCESS if kind == "returned" else apprise.NotifyType.WARNING
    try:
        taken = service.notify(title=title, body=body, notify_type=sort)
    except Exception as error:  # of a service that Apprise has, and we have never seen
        return f"{type(error).__name__}: {error}"
    return "" if taken else "the service didn't take it; is its address right, can it be reached?"


@contextlib.contextmanager
def going_on(what: str) -> Iterator[None]:
    """Whatever fails is logged, and the thread goes on: alarms that have ended tell nobody."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        log.error("%s: the database failed: %s", what, reason(error))
    except Exception:
        log.exception("%s: a fault in the program", what)
