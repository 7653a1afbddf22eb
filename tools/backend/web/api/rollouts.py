"""Releases on their way to nodes."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.requests import Request

from tools.backend import rollouts as stored
from tools.backend.database import writing
from tools.backend.web import models as m
from tools.backend.web import users
from tools.backend.web.api.answers import found, me_of, right
from tools.backend.web.guard import Operator, Viewer
from tools.backend.web.parts import parts_of

router = APIRouter()


@router.get("/rollouts", tags=["rollouts"])
def rollouts(request: Request, who: Viewer) -> list[m.Rollout]:
    """All rollouts, the newest first."""
    with parts_of(request).database.connect() as connection:
        return [m.Rollout(**row) for row in stored.rollouts(connection)]


@router.get("/rollouts/{rollout}", tags=["rollouts"], responses={404: {"model": m.Problem}})
def rollout(request: Request, who: Viewer, rollout: int) -> m.RolloutDetail:
    """One rollout, with its nodes and what happened."""
    with parts_of(request).database.connect() as connection:
        row = stored.rollout(connection, rollout)
    if row is None:
        raise HTTPException(404, f"There is no rollout {rollout}.")
    return m.RolloutDetail(**row)


@router.post("/rollouts/{rollout}/stop", tags=["rollouts"], responses={404: {"model": m.Problem}})
def stop(request: Request, who: Operator, rollout: int) -> m.Me:
    """Stop a rollout: nobody is offered the release any more, and who has it is taken back."""
    by = f"{who.name} on the page"
    with writing(parts_of(request).database) as connection:
        found(lambda: right(lambda: stored.ask_to_stop(connection, rollout, by)))
        users.note(connection, who.name, "stopped a rollout", detail=str(rollout))
    return me_of(who)
