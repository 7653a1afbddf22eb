"""Readings: of a time, live, as files, and for Prometheus."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Query
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse

from tools.backend import export, prometheus, queries
from tools.backend import tables as t
from tools.backend.web import models as m
from tools.backend.web import times
from tools.backend.web.api.answers import said
from tools.backend.web.guard import Viewer, find
from tools.backend.web.live import Watcher
from tools.backend.web.parts import parts_of
from tools.backend.web.plotted import series_of
from tools.shared.errors import ToolError

router = APIRouter()

SensorIds = Annotated[
    list[str],
    Query(alias="sensor", description="node/sensor; may be given several times", max_length=16),
]
From = Annotated[str, Query(alias="from", description="ms since 1970, ISO 8601, or -24h")]
To = Annotated[str, Query(alias="to", description="the same, or now")]


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
    return StreamingResponse(
        export.csv_of(*_asked(request, sensor, start, end)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="readings.csv"'},
    )


@router.get(
    "/readings.parquet",
    tags=["readings"],
    response_class=FileResponse,
    responses={
        200: {"content": {"application/vnd.apache.parquet": {}}},
        404: {"model": m.Problem},
        501: {"model": m.Problem},
    },
)
def readings_parquet(
    request: Request, who: Viewer, sensor: SensorIds, start: From = "-24h", end: To = "now"
) -> FileResponse:
    """The same as Parquet, with all that is stored of each reading; needs pyarrow."""
    asked = _asked(request, sensor, start, end)
    folder = Path(tempfile.mkdtemp(prefix="petrel-parquet-"))
    removal = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    try:
        export.write_parquet(folder / "readings.parquet", *asked)
    except ToolError as error:
        shutil.rmtree(folder)
        raise HTTPException(501, said(error)) from error
    return FileResponse(
        folder / "readings.parquet",
        media_type="application/vnd.apache.parquet",
        filename="readings.parquet",
        background=removal,
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


def _asked(
    request: Request, ids: Iterable[str], start: str, end: str
) -> tuple[sa.Engine, list[int], int, int]:
    """What an export is made of: the database, its ids of the sensors, and the two times."""
    begin, until = _span(start, end)
    database = parts_of(request).database
    with database.connect() as connection:
        return database, [row["id"] for _, row in _sensors(connection, ids)], begin, until


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
