"""The REST API, /api/v1. The page uses it as any program can."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse

from tools.backend import export, prometheus, queries
from tools.backend import tables as t
from tools.backend.alarms import memory
from tools.backend.database import writing
from tools.backend.web import models as m
from tools.backend.web import times, users
from tools.backend.web.guard import Admin, Operator, Viewer, find
from tools.backend.web.live import Watcher
from tools.backend.web.parts import parts_of
from tools.backend.web.plotted import series_of
from tools.shared.errors import ToolError

MOST_SENSORS = 16  # in one plot
PREVIEW = 2000  # characters of a message that could not be read
T = TypeVar("T")
Level = Literal["info", "warning", "error"]

router = APIRouter(
    prefix="/api/v1",
    responses={
        401: {"model": m.Problem, "description": "Nobody has logged in, and there is no token."},
        403: {"model": m.Problem, "description": "The role may not do that."},
    },
)

SensorIds = Annotated[
    list[str],
    Query(alias="sensor", description="node/sensor; may be given several times", max_length=16),
]
From = Annotated[str, Query(alias="from", description="ms since 1970, ISO 8601, or -24h")]
To = Annotated[str, Query(alias="to", description="the same, or now")]
Most = Annotated[int, Query(ge=1, le=1000)]


# --- nodes


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
        row = _known(connection, node)
        outputs = _outputs(connection, row["id"])
        sensors = [
            m.Sensor(id=f"{node}/{each['name']}", output=each["name"] in outputs, **_finite(each))
            for each in queries.sensors(connection, row["id"])
        ]
        row["sensors"] = len(sensors)
        about = _node(row, _alarms_by_node(connection)).model_dump()
        diagnostics = _json(row["diagnostics"])
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
        row = _known(connection, node)
        entries = [_entry(each) for each in queries.log(connection, row["id"], most)]
        for each in queries.replies(connection, row["id"], most):
            level: Level = "warning" if each["ok"] is False else "info"
            text = f"reply to {each['name']}: {each['payload']}"
            entries.append(m.Entry(at=each["at"], node=node, level=level, text=text))
        for each in queries.commands(connection, row["id"], most):
            text = f"command {each['name']} {_without_signature(each['payload'])}".strip()
            entries.append(m.Entry(at=each["at"], node=node, level="info", text=text))
        entries += _actions(connection, node, most)
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:most]


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
        base = _known(connection, node)["base"]
        users.note(connection, who.name, f"sent {command}", node, payload)
    if not parts.asking.acquire(timeout=0.1):
        raise HTTPException(429, "Too many commands wait for their replies. Try again soon.")
    try:
        secret = parts.settings.secret(node)
        reply = parts.ask(base, node, command, payload, secret, body.wait)
    except ToolError as error:
        raise HTTPException(504, _said(error)) from error
    finally:
        parts.asking.release()
    found = _json(reply)
    ok = found.get("ok") if isinstance(found, dict) else None
    return m.Reply(ok=ok if isinstance(ok, bool) else None, reply=found)


# --- readings


@router.get("/sensors", tags=["readings"])
def sensors(request: Request, who: Viewer) -> list[m.SensorName]:
    """All sensors of all nodes."""
    s, n = t.sensor.c, t.node.c
    query = sa.select(n.name.label("node"), s.name, s.unit, s.kind)
    query = query.select_from(t.sensor.join(t.node)).order_by(n.name, s.name)
    with parts_of(request).database.connect() as connection:
        rows = connection.execute(query).mappings()
        return [m.SensorName(id=f"{row['node']}/{row['name']}", **row) for row in rows]


@router.get("/series", tags=["readings"], responses={404: {"model": m.Problem}})
def series(
    request: Request,
    who: Viewer,
    sensor: SensorIds,
    start: From = "-24h",
    end: To = "now",
    points: Annotated[int, Query(ge=10, le=20_000, description="of each, about")] = 2000,
) -> list[m.Series]:
    """Sensors over a time: readings if they are few, else means with minimum and maximum.

    A gap, where nothing was read for much longer than usual, is a point whose value is null.
    """
    begin, until = _span(start, end)
    with parts_of(request).database.connect() as connection:
        return [
            series_of(connection, each, row, begin, until, points)
            for each, row in _sensors(connection, sensor)
        ]


@router.get(
    "/metrics",
    tags=["readings"],
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}}},
)
def metrics(request: Request, who: Viewer) -> PlainTextResponse:
    """The newest readings, and how nodes and the collector are, for Prometheus."""
    parts = parts_of(request)
    with parts.database.connect() as connection:
        text = prometheus.metrics(connection, parts.counts())
    return PlainTextResponse(text, media_type=prometheus.CONTENT_TYPE)


@router.get(
    "/readings.csv",
    tags=["readings"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}, 404: {"model": m.Problem}},
)
def readings(
    request: Request, who: Viewer, sensor: SensorIds, start: From = "-24h", end: To = "now"
) -> StreamingResponse:
    """All that is stored of sensors between two times, as CSV."""
    begin, until = _span(start, end)
    parts = parts_of(request)
    with parts.database.connect() as connection:
        ids = [row["id"] for _, row in _sensors(connection, sensor)]
    return StreamingResponse(
        export.csv_of(parts.database, ids, begin, until),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="readings.csv"'},
    )


@router.get(
    "/live",
    tags=["readings"],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def live(
    request: Request,
    who: Viewer,
    node: str | None = None,
    sensor: Annotated[list[str], Query(max_length=16)] = [],  # noqa: B006  # FastAPI copies it
) -> StreamingResponse:
    """Server-sent events: of a node, of some sensors, or when each node was heard."""
    following = parts_of(request).live
    if following.full:
        raise HTTPException(503, "Too many browsers follow. Close some.")

    async def still() -> bool:
        again = await run_in_threadpool(find, request)
        return again is not None and again.may("viewer") and not await request.is_disconnected()

    return StreamingResponse(
        following.stream(Watcher(node, sensor), still),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


# --- the log of all


@router.get("/log", tags=["log"])
def log(request: Request, who: Viewer, most: Most = 200) -> list[m.Entry]:
    """What happened to all nodes, and what users did."""
    with parts_of(request).database.connect() as connection:
        entries = [_entry(each) for each in queries.log(connection, None, most)]
        entries += _actions(connection, None, most)
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:most]


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


# --- alarms


@router.get("/alarms", tags=["alarms"])
def alarms(request: Request, who: Viewer) -> list[m.Alarm]:
    """Alarms that stand now."""
    with parts_of(request).database.connect() as connection:
        return [_alarm(row) for row in memory.raised(connection)]


@router.get("/alarms/history", tags=["alarms"])
def history(request: Request, who: Viewer, most: Most = 200) -> list[m.AlarmEvent]:
    """What happened: raised, returned, acknowledged, muted."""
    with parts_of(request).database.connect() as connection:
        return [m.AlarmEvent(**row) for row in memory.history(connection, most)]


@router.get("/alarms/notices", tags=["alarms"])
def notices(request: Request, who: Viewer, most: Most = 50) -> list[m.Notice]:
    """Notifications, and whether they were sent."""
    with parts_of(request).database.connect() as connection:
        return [m.Notice(**row) for row in memory.notices(connection, most)]


@router.post("/alarms/acknowledge", tags=["alarms"], responses={404: {"model": m.Problem}})
def acknowledge(request: Request, who: Operator, body: m.Which) -> m.Me:
    """Say that you take care of an alarm."""
    _found(lambda: parts_of(request).alarms.acknowledge(body.rule, body.subject, who.name))
    return _me(who)


@router.post("/alarms/mute", tags=["alarms"], responses={404: {"model": m.Problem}})
def mute(request: Request, who: Operator, body: m.Mute) -> m.Me:
    """Tell nobody of an alarm for a time, or of all that a rule watches; 0 seconds ends that."""
    alarms = parts_of(request).alarms
    _found(lambda: alarms.mute(body.rule, body.subject, body.seconds, who.name))
    return _me(who)


@router.get("/alarms/rules", tags=["alarms"])
def rules(request: Request, who: Viewer) -> m.AlarmRules:
    """All rules, who can be told, and what is wrong with the file if anything is."""
    found = parts_of(request).alarms
    every = [m.AlarmRule(**each) for each in found.rules()]
    return m.AlarmRules(rules=every, targets=found.targets, error=found.error)


@router.post("/alarms/rules", tags=["alarms"], status_code=201)
def add_rule(request: Request, who: Admin, body: dict[str, Any]) -> m.Me:
    """Make a rule, with the keys that it would have in the file."""
    _right(lambda: parts_of(request).alarms.save(body, who.name))
    return _me(who)


@router.put("/alarms/rules/{name:path}", tags=["alarms"])
def change_rule(request: Request, who: Admin, name: str, body: dict[str, Any]) -> m.Me:
    """Change a rule that was made on the page."""
    _right(lambda: parts_of(request).alarms.save(body, who.name, name))
    return _me(who)


@router.patch("/alarms/rules/{name:path}", tags=["alarms"], responses={404: {"model": m.Problem}})
def enable_rule(request: Request, who: Admin, name: str, body: m.Enabled) -> m.Me:
    """Switch a rule that was made on the page on or off."""
    _found(lambda: parts_of(request).alarms.enable(name, body.enabled, who.name))
    return _me(who)


@router.delete("/alarms/rules/{name:path}", tags=["alarms"], responses={404: {"model": m.Problem}})
def delete_rule(request: Request, who: Admin, name: str) -> m.Me:
    """Delete a rule that was made on the page."""
    _found(lambda: parts_of(request).alarms.delete(name))
    return _me(who)


@router.post("/alarms/test/{target}", tags=["alarms"], responses={404: {"model": m.Problem}})
def test_target(request: Request, who: Admin, target: str) -> m.Reply:
    """Send a test message to one who can be told."""
    error = _found(lambda: parts_of(request).alarms.test(target))
    return m.Reply(ok=not error, reply=error)


# --- users and tokens


@router.get("/me", tags=["users"])
def me(request: Request, who: Viewer) -> m.Me:
    """Who you are, and what you may do."""
    return _me(who)


@router.put("/me/password", tags=["users"])
def own_password(request: Request, who: Viewer, body: m.NewPassword) -> m.Me:
    """Change your own password; you are logged out everywhere."""
    if who.token:
        raise HTTPException(403, "A token can't change a password. Log in.")
    parts = parts_of(request)
    wait = parts.throttle.begin(who.name, "password")
    if wait:
        raise HTTPException(429, f"Too many tries. Wait {wait:.0f} s.")
    with writing(parts.database) as connection:
        if not users.checked(connection, who.name, body.old):
            raise HTTPException(422, "That isn't your password.")
        parts.throttle.succeeded(who.name, "password")
        _right(lambda: users.set_password(connection, who.name, body.password))
        users.note(connection, who.name, "changed their password")
    return _me(who)


@router.get("/me/tokens", tags=["users"])
def tokens(request: Request, who: Viewer) -> list[m.Token]:
    """Your tokens."""
    with parts_of(request).database.connect() as connection:
        return [m.Token(**row) for row in users.tokens(connection, who.name)]


@router.post("/me/tokens", tags=["users"], status_code=201)
def add_token(request: Request, who: Viewer, body: m.NewToken) -> m.MadeToken:
    """Make a token for a program, of your role or of a lesser one."""
    if who.token:
        raise HTTPException(403, "A token can't make tokens. Log in.")
    with writing(parts_of(request).database) as connection:
        token = _right(lambda: users.add_token(connection, who.name, body.name, body.role))
        users.note(connection, who.name, "made a token", detail=f"{body.name} ({body.role})")
    return m.MadeToken(token=token)


@router.delete("/me/tokens/{token}", tags=["users"], responses={404: {"model": m.Problem}})
def remove_token(request: Request, who: Viewer, token: int) -> m.Me:
    """End a token of yours."""
    with writing(parts_of(request).database) as connection:
        if not users.remove_token(connection, token, who.name):
            raise HTTPException(404, "You have no such token.")
    return _me(who)


@router.get("/users", tags=["users"])
def all_users(request: Request, who: Admin) -> list[m.User]:
    """All users."""
    with parts_of(request).database.connect() as connection:
        return [m.User(**row) for row in users.users(connection)]


@router.post("/users", tags=["users"], status_code=201)
def add_user(request: Request, who: Admin, body: m.NewUser) -> m.Me:
    """Make a user."""
    with writing(parts_of(request).database) as connection:
        _right(lambda: users.add(connection, body.name, body.password, body.role))
        users.note(connection, who.name, "made a user", detail=f"{body.name} ({body.role})")
    return _me(who)


@router.patch("/users/{name}", tags=["users"])
def change_role(request: Request, who: Admin, name: str, body: m.NewRole) -> m.Me:
    """Give a user another role."""
    with writing(parts_of(request).database) as connection:
        _right(lambda: users.set_role(connection, name, body.role))
        users.note(connection, who.name, "changed a role", detail=f"{name} ({body.role})")
    return _me(who)


@router.put("/users/{name}/password", tags=["users"])
def change_password(request: Request, who: Admin, name: str, body: m.NewPassword) -> m.Me:
    """Give a user another password."""
    if who.token:
        raise HTTPException(403, "A token can't change a password. Log in.")
    with writing(parts_of(request).database) as connection:
        _right(lambda: users.set_password(connection, name, body.password))
        users.note(connection, who.name, "changed a password", detail=name)
    return _me(who)


@router.delete("/users/{name}", tags=["users"])
def remove_user(request: Request, who: Admin, name: str) -> m.Me:
    """Remove a user, with sessions and tokens."""
    with writing(parts_of(request).database) as connection:
        _right(lambda: users.remove(connection, name))
        users.note(connection, who.name, "removed a user", detail=name)
    return _me(who)


# --- how the answers are made


def _me(who: Any) -> m.Me:
    return m.Me(name=who.name, role=who.role)


def _right(act: Callable[[], T]) -> T:
    """Do it; what is wrong with the request becomes an answer."""
    try:
        return act()
    except ToolError as error:
        raise HTTPException(422, _said(error)) from error


def _found(act: Callable[[], T]) -> T:
    """Do it; what isn't there becomes an answer."""
    try:
        return act()
    except KeyError as error:
        raise HTTPException(404, f"There is no {error.args[0]}.") from error


def _said(error: ToolError) -> str:
    message = error.message[:1].upper() + error.message[1:]
    return f"{message}. {error.hint}" if error.hint else f"{message}."


def _known(connection: sa.Connection, name: str) -> dict[str, Any]:
    row = queries.node(connection, name)
    if row is None:
        raise HTTPException(404, f"There is no node {name[:80]!r}.")
    return row


def _sensors(connection: sa.Connection, ids: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for each in ids:
        node_name, _, name = each.partition("/")
        row = queries.sensor(connection, node_name, name)
        if row is None:
            raise HTTPException(404, f"There is no sensor {each[:120]!r}.")
        found.append((each, row))
    return found


def _span(start: str, end: str) -> tuple[int, int]:
    try:
        begin, until = times.parsed(start), times.parsed(end)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    if begin >= until:
        raise HTTPException(422, "from must be before to")
    return begin, until


def _node(row: dict[str, Any], alarms: Counter[str]) -> m.Node:
    return m.Node(
        alarms=alarms[row["name"]], **{k: row[k] for k in m.Node.model_fields if k in row}
    )


def _alarms_by_node(connection: sa.Connection) -> Counter[str]:
    return Counter(row["subject"].partition("/")[0] for row in memory.raised(connection))


def _alarm(row: dict[str, Any]) -> m.Alarm:
    return m.Alarm(**{key: row[key] for key in m.Alarm.model_fields})


def _entry(row: dict[str, Any]) -> m.Entry:
    return m.Entry(at=row["at"], node=row["name"], level=row["level"], text=row["text"])


def _actions(connection: sa.Connection, node: str | None, most: int) -> list[m.Entry]:
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


def _outputs(connection: sa.Connection, node: int) -> set[str]:
    """The names that a command `set` was obeyed for."""
    found = set()
    for row in queries.replies(connection, node, 500):
        if row["name"] == "set" and row["ok"]:
            reply = _json(row["payload"])
            if isinstance(reply, dict) and isinstance(reply.get("output"), str):
                found.add(reply["output"])
    return found


def _without_signature(payload: str) -> str:
    """A command as it was meant: a signature is 64 digits, and a number follows."""
    head, _, rest = payload.partition(" ")
    if len(head) == 64 and all(char in "0123456789abcdef" for char in head):
        return f"{rest.partition(' ')[2]} (signed)".strip()
    return payload


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("name", "unit", "kind", "time", "value", "text")}


def _json(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
