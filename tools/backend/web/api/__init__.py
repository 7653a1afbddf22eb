"""The REST API, /api/v1. The page uses it as any program can."""

from __future__ import annotations

from fastapi import APIRouter

from tools.backend.web import models as m
from tools.backend.web.api import alarms, nodes, readings, releases, rollouts, users

router = APIRouter(
    prefix="/api/v1",
    responses={
        401: {"model": m.Problem, "description": "Nobody has logged in, and there is no token."},
        403: {"model": m.Problem, "description": "The role may not do that."},
    },
)
for part in (nodes, readings, alarms, rollouts, releases, users):
    router.include_router(part.router)
