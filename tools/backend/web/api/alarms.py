"""Alarms, their rules, and who is told."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from tools.backend.alarms import memory
from tools.backend.web import models as m
from tools.backend.web.api.answers import Most, found, me_of, right
from tools.backend.web.guard import Admin, Operator, Viewer
from tools.backend.web.parts import parts_of

router = APIRouter()


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
    found(lambda: parts_of(request).alarms.acknowledge(body.rule, body.subject, who.name))
    return me_of(who)


@router.post("/alarms/mute", tags=["alarms"], responses={404: {"model": m.Problem}})
def mute(request: Request, who: Operator, body: m.Mute) -> m.Me:
    """Tell nobody of an alarm for a time, or of all that a rule watches; 0 seconds ends that."""
    alarms = parts_of(request).alarms
    found(lambda: alarms.mute(body.rule, body.subject, body.seconds, who.name))
    return me_of(who)


@router.get("/alarms/rules", tags=["alarms"])
def rules(request: Request, who: Viewer) -> m.AlarmRules:
    """All rules, who can be told, and what is wrong with the file if anything is."""
    found = parts_of(request).alarms
    every = [m.AlarmRule(**each) for each in found.rules()]
    return m.AlarmRules(rules=every, targets=found.targets, error=found.error)


@router.post("/alarms/rules", tags=["alarms"], status_code=201)
def add_rule(request: Request, who: Admin, body: dict[str, Any]) -> m.Me:
    """Make a rule, with the keys that it would have in the file."""
    right(lambda: parts_of(request).alarms.save(body, who.name))
    return me_of(who)


@router.put("/alarms/rules/{name:path}", tags=["alarms"])
def change_rule(request: Request, who: Admin, name: str, body: dict[str, Any]) -> m.Me:
    """Change a rule that was made on the page."""
    right(lambda: parts_of(request).alarms.save(body, who.name, name))
    return me_of(who)


@router.patch("/alarms/rules/{name:path}", tags=["alarms"], responses={404: {"model": m.Problem}})
def enable_rule(request: Request, who: Admin, name: str, body: m.Enabled) -> m.Me:
    """Switch a rule that was made on the page on or off."""
    found(lambda: parts_of(request).alarms.enable(name, body.enabled, who.name))
    return me_of(who)


@router.delete("/alarms/rules/{name:path}", tags=["alarms"], responses={404: {"model": m.Problem}})
def delete_rule(request: Request, who: Admin, name: str) -> m.Me:
    """Delete a rule that was made on the page."""
    found(lambda: parts_of(request).alarms.delete(name))
    return me_of(who)


@router.post("/alarms/test/{target}", tags=["alarms"], responses={404: {"model": m.Problem}})
def test_target(request: Request, who: Admin, target: str) -> m.Reply:
    """Send a test message to one who can be told."""
    error = found(lambda: parts_of(request).alarms.notices.test(target))
    return m.Reply(ok=not error, reply=error)


def _alarm(row: dict[str, Any]) -> m.Alarm:
    return m.Alarm(**{key: row[key] for key in m.Alarm.model_fields})
