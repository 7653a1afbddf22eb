"""Nodes, commands to them, and the log."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException
from starlette.requests import Request

from tools.backend import queries
from tools.backend.alarms import memory
from tools.backend.database import writing
from tools.backend.web import models as m
from tools.backend.web import users
from tools.backend.web.api.answers import Most, actions, entry, known, said, value_of
from tools.backend.web.guard import Operator, Viewer
from tools.backend.web.parts import parts_of
from tools.shared.errors import ToolError

PREVIEW = 2000  # characters of a message that could not be read
Level = Literal["info", "warning", "error"]

router = APIRouter()


@router.get("/nodes", tags=["nodes"])
def nodes(request: Request, who: Viewer) -> list[m.Node]:
    """All nodes."""
    with parts_of(request).database.connect() as connection:
        alarms = _alarms_by_node(connection)
        return [_node(row, alarms) for row in queries.nodes(connection)]


@router.get("/nodes/{node}", tags=["nodes"], responses={404: {"model": m.Problem}})
def node(request: Request, who: Viewer, node: str) -> m.NodeDetail:
    """One node, with its diagnostics and the newest readings of its sensors."""
    with parts_of(request).database.connect() as connection:
        row = known(connection, node)
        outputs = _outputs(connection, row["id"])
        sensors = [
            m.Sensor(id=f"{node}/{each['name']}", output=each["name"] in outputs, **_newest(each))
            for each in queries.sensors(connection, row["id"])
        ]
        row["sensors"] = len(sensors)
        about = _node(row, _alarms_by_node(connection)).model_dump()
        diagnostics = value_of(row["diagnostics"])
        return m.NodeDetail(
            **about,
            diagnostics=diagnostics if isinstance(diagnostics, dict) else None,
            diagnostics_at=row["diagnostics_at"],
            readings=sensors,
        )


@router.get("/nodes/{node}/log", tags=["nodes"], responses={404: {"model": m.Problem}})
def node_log(request: Request, who: Viewer, node: str, most: Most = 200) -> list[m.Entry]:
    """What happened to a node: states, restarts, faults, commands and replies."""
    with parts_of(request).database.connect() as connection:
        row = known(connection, node)
        entries = [entry(each) for each in queries.log(connection, row["id"], most)]
        for each in queries.replies(connection, row["id"], most):
            level: Level = "warning" if each["ok"] is False else "info"
            text = f"reply to {each['name']}: {each['payload']}"
            entries.append(m.Entry(at=each["at"], node=node, level=level, text=text))
        for each in queries.commands(connection, row["id"], most):
            text = f"command {each['name']} {_without_signature(each['payload'])}".strip()
            entries.append(m.Entry(at=each["at"], node=node, level="info", text=text))
        entries += actions(connection, node, most)
    return sorted(entries, key=lambda each: each.at, reverse=True)[:most]


@router.post(
    "/nodes/{node}/commands/{command}",
    tags=["nodes"],
    responses={404: {"model": m.Problem}, 504: {"model": m.Problem}},
)
def command(request: Request, who: Operator, node: str, command: str, body: m.Command) -> m.Reply:
    """Send a command to a node, signed if it has a secret, and wait for the reply."""
    parts = parts_of(request)
    if any(char in "/+#\0" for char in command) or len(command) > 64:
        raise HTTPException(422, f"{command[:64]!r} can't be the name of a command")
    payload = body.payload if isinstance(body.payload, str) else json.dumps(body.payload)
    with writing(parts.database) as connection:
        base = known(connection, node)["base"]
        users.note(connection, who.name, f"sent {command}", node, payload)
    if not parts.asking.acquire(timeout=0.1):
        raise HTTPException(429, "Too many commands wait for their replies. Try again soon.")
    try:
        secret = parts.settings.secret(node)
        reply = parts.ask(base, node, command, payload, secret, body.wait)
    except ToolError as error:
        raise HTTPException(504, said(error)) from error
    finally:
        parts.asking.release()
    answer = value_of(reply)
    ok = answer.get("ok") if isinstance(answer, dict) else None
    return m.Reply(ok=ok if isinstance(ok, bool) else None, reply=answer)


@router.get("/log", tags=["log"])
def log(request: Request, who: Viewer, most: Most = 200) -> list[m.Entry]:
    """What happened to all nodes, and what users did."""
    with parts_of(request).database.connect() as connection:
        entries = [entry(each) for each in queries.log(connection, None, most)]
        entries += actions(connection, None, most)
    return sorted(entries, key=lambda each: each.at, reverse=True)[:most]


@router.get("/unreadable", tags=["log"])
def unreadable(request: Request, who: Viewer, most: Most = 100) -> list[m.Unreadable]:
    """The newest messages that were no readings and nothing else that is known."""
    with parts_of(request).database.connect() as connection:
        return [
            m.Unreadable(
                at=row["at"],
                topic=row["topic"],
                payload=row["payload"][:PREVIEW].decode(errors="replace"),
                size=row["size"],
                reason=row["reason"],
            )
            for row in queries.unreadable(connection, most)
        ]


def _node(row: dict[str, Any], alarms: Counter[str]) -> m.Node:
    return m.Node(
        alarms=alarms[row["name"]], **{k: row[k] for k in m.Node.model_fields if k in row}
    )


def _alarms_by_node(connection: sa.Connection) -> Counter[str]:
    return Counter(row["subject"].partition("/")[0] for row in memory.raised(connection))


def _outputs(connection: sa.Connection, node: int) -> set[str]:
    """The names that a command `set` was obeyed for."""
    found = set()
    for row in queries.replies(connection, node, 500):
        if row["name"] == "set" and row["ok"]:
            reply = value_of(row["payload"])
            if isinstance(reply, dict) and isinstance(reply.get("output"), str):
                found.add(reply["output"])
    return found


def _without_signature(payload: str) -> str:
    """A command as it was meant: a signature is 64 digits, and a number follows."""
    head, _, rest = payload.partition(" ")
    if len(head) == 64 and all(char in "0123456789abcdef" for char in head):
        return f"{rest.partition(' ')[2]} (signed)".strip()
    return payload


def _newest(row: dict[str, Any]) -> dict[str, Any]:
    """A sensor and its newest reading, without what only the database needs."""
    return {key: row[key] for key in ("name", "unit", "kind", "time", "value", "text")}
