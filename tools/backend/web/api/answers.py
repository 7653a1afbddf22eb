"""How answers of the API are made: of what was refused, and of a row."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import HTTPException, Query

from tools.backend import queries
from tools.backend.web import models as m
from tools.backend.web import users
from tools.shared.errors import ToolError

T = TypeVar("T")
Most = Annotated[int, Query(ge=1, le=1000)]


def me_of(who: Any) -> m.Me:
    """Who asked, as the API says it."""
    return m.Me(name=who.name, role=who.role)


def right(act: Callable[[], T]) -> T:
    """Do it; what is wrong with the request becomes an answer."""
    try:
        return act()
    except ToolError as error:
        raise HTTPException(422, said(error)) from error


def found(act: Callable[[], T]) -> T:
    """Do it; what isn't there becomes an answer."""
    try:
        return act()
    except KeyError as error:
        raise HTTPException(404, f"There is no {error.args[0]}.") from error


def said(error: ToolError) -> str:
    """What is wrong and what to do, in a line."""
    message = error.message[:1].upper() + error.message[1:]
    return f"{message}. {error.hint}" if error.hint else f"{message}."


def known(connection: sa.Connection, name: str) -> dict[str, Any]:
    """The row of a node; without one the answer is 404."""
    row = queries.node(connection, name)
    if row is None:
        raise HTTPException(404, f"There is no node {name[:80]!r}.")
    return row


def entry(row: dict[str, Any]) -> m.Entry:
    """A line of the log."""
    return m.Entry(at=row["at"], node=row["name"], level=row["level"], text=row["text"])


def actions(connection: sa.Connection, node: str | None, most: int) -> list[m.Entry]:
    """What users did, as lines of the log."""
    return [
        m.Entry(
            at=row["at"],
            node=row["node"] or None,
            level="info",
            text=f"{row['user']} {row['what']} {row['detail']}".strip(),
            by=row["user"],
        )
        for row in users.actions(connection, node, most)
    ]


def value_of(text: str | None) -> Any:
    """What a text says in JSON, else the text."""
    if text is None:
        return None
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
