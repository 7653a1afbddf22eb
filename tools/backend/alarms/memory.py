"""What the alarms remember over a restart: states, history, notices that are to be sent, mutes.

A change of a state and the notices that tell of it are written in one transaction: after a crash
there are both, or neither.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa

from tools.backend.alarms import tables as t
from tools.backend.alarms.engine import CLEAR, RAISED, Change, State
from tools.backend.database import Row, all_rows

GIVE_UP_MS = 24 * 3_600_000  # how long a notice is tried
RETRY_MS = (10_000, 30_000, 60_000, 300_000)
ERROR = 200  # characters of what a service answered


def states(connection: sa.Connection) -> list[State]:
    """All states that are not clear, and whether somebody was told."""
    return [
        State(
            rule=row["rule"],
            subject=row["subject"],
            phase=row["phase"],
            since=row["since"] / 1000,
            value=json.loads(row["value"] or "null"),
            told=row["told"],
            acknowledged=row["acknowledged"],
        )
        for row in all_rows(connection, sa.select(t.state))
    ]


def keep(
    connection: sa.Connection, change: Change, targets: Sequence[str], more: str = ""
) -> None:
    """Write a change down, with a notice for each of those who are to be told.

    more: what the rule wants to be said besides
    """
    state, at = change.state, ms(change.at)
    keep_state(connection, state, change.text)
    if change.kind in ("raised", "returned"):
        add_event(connection, at, state.rule, state.subject, change.kind, change.text)
    if change.tell:
        title = f"{'OK' if change.kind == 'returned' else 'Alarm'}: {state.rule}"
        for target in targets:
            body = f"{change.text}\n{more}".strip()
            values = {"at": at, "target": target, "title": title, "body": body}
            kind = "returned" if change.kind == "returned" else "raised"
            connection.execute(t.notice.insert().values(**values, kind=kind, next=at))


def keep_state(connection: sa.Connection, state: State, text: str) -> None:
    """Write a state down as it is."""
    key = {"rule": state.rule, "subject": state.subject}
    connection.execute(t.state.delete().filter_by(**key))
    if state.phase != CLEAR:
        values = {
            "phase": state.phase,
            "since": ms(state.since),
            "value": json.dumps(state.value),
            "text": text,
            "told": state.told,
            "acknowledged": state.acknowledged,
        }
        connection.execute(t.state.insert().values(**key, **values))


def acknowledge(connection: sa.Connection, rule: str, subject: str, by: str) -> bool:
    """Write down who takes care of an alarm; False if there is none."""
    change = t.state.update().filter_by(rule=rule, subject=subject, phase=RAISED)
    return bool(connection.execute(change.values(acknowledged=by)).rowcount)


def mute(connection: sa.Connection, rule: str, subject: str, until: int, by: str) -> None:
    """Write down until when nobody is told; 0 ends that."""
    key = {"rule": rule, "subject": subject}
    connection.execute(t.mute.delete().filter_by(**key))
    if until:
        connection.execute(t.mute.insert().values(**key, until=until, by=by))


def drop(connection: sa.Connection, state: State, at: float) -> None:
    """Forget the state of a rule that is gone."""
    connection.execute(t.state.delete().filter_by(rule=state.rule, subject=state.subject))
    if state.phase == RAISED:
        text = "the rule is gone, or no longer watches this"
        add_event(connection, ms(at), state.rule, state.subject, "ended", text)


def add_event(
    connection: sa.Connection,
    at: int,
    rule: str,
    subject: str,
    kind: str,
    text: str,
    by: str = "",
) -> None:
    """A line of the history."""
    connection.execute(
        t.event.insert().values(at=at, rule=rule, subject=subject, kind=kind, text=text, by=by)
    )


# --- notices


def due(connection: sa.Connection, at: int, most: int = 20) -> list[Row]:
    """Notices that are to be sent now, the oldest first."""
    n = t.notice.c
    query = sa.select(t.notice).where(n.sent.is_(None), n.next <= at, n.at > at - GIVE_UP_MS)
    return all_rows(connection, query.order_by(n.id).limit(most))


def sent(connection: sa.Connection, notice: int, at: int) -> None:
    """A notice has been taken by its service."""
    where = t.notice.c.id == notice
    connection.execute(t.notice.update().where(where).values(sent=at, error=""))


def failed(connection: sa.Connection, notice: Row, at: int, error: str) -> None:
    """A notice was not taken: it is tried again, less and less often."""
    pause = RETRY_MS[min(notice["tries"], len(RETRY_MS) - 1)]
    values = {"tries": notice["tries"] + 1, "next": at + pause, "error": error[:ERROR]}
    connection.execute(t.notice.update().where(t.notice.c.id == notice["id"]).values(**values))


# --- for the page and the API


def raised(connection: sa.Connection) -> list[Row]:
    """Alarms that stand now, the newest first."""
    query = sa.select(t.state).where(t.state.c.phase == RAISED).order_by(t.state.c.since.desc())
    return all_rows(connection, query)


def history(connection: sa.Connection, most: int = 200) -> list[Row]:
    """What happened, the newest first."""
    return all_rows(connection, sa.select(t.event).order_by(t.event.c.id.desc()).limit(most))


def notices(connection: sa.Connection, most: int = 50) -> list[Row]:
    """The newest notices, the newest first."""
    return all_rows(connection, sa.select(t.notice).order_by(t.notice.c.id.desc()).limit(most))


def rules(connection: sa.Connection) -> list[Row]:
    """Rules made on the page, by their names."""
    return all_rows(connection, sa.select(t.rule).order_by(t.rule.c.name))


def mutes(connection: sa.Connection) -> list[Row]:
    """What is muted."""
    return all_rows(connection, sa.select(t.mute))


def ms(seconds: float) -> int:
    """Seconds as the tables have them."""
    return int(seconds * 1000)
