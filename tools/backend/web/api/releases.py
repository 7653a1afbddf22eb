"""Releases that the collector serves: a list, and their files to download."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tools.backend.web import models as m
from tools.backend.web.api.answers import found
from tools.backend.web.guard import Viewer
from tools.backend.web.parts import parts_of

router = APIRouter()
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": m.Problem}}


@router.get("/releases", tags=["releases"])
def releases(request: Request, who: Viewer) -> list[m.Release]:
    """All releases in the folder of the collector, the newest first."""
    served = parts_of(request).releases
    return [m.Release(**vars(told)) for told in served.listed()] if served else []


@router.get(
    "/releases/{serial}.zip",
    tags=["releases"],
    response_class=Response,
    responses={**_MISSING, 200: {"content": {"application/zip": {}}}},
)
def archive(request: Request, who: Viewer, serial: int) -> Response:
    """A release for all its boards, in a folder as `petrel offer --from` takes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, path in _files(request, serial).items():
            try:
                made.write(path, f"{serial}/{name}")
            except OSError as error:
                raise HTTPException(404, f"{name} can't be read.") from error
    headers = {"Content-Disposition": f'attachment; filename="petrel-{serial}.zip"'}
    return Response(packed.getvalue(), media_type="application/zip", headers=headers)


@router.get(
    "/releases/{serial}/{name:path}",
    tags=["releases"],
    response_class=FileResponse,
    responses={**_MISSING, 200: {"content": {"application/octet-stream": {}}}},
)
def file(request: Request, who: Viewer, serial: int, name: str) -> FileResponse:
    """A file of a release, such as `RPI_PICO_W/offer`."""
    path = _files(request, serial).get(name)
    if path is None or not path.is_file():
        raise HTTPException(404, f"Release {serial} has no file {name[:80]!r}.")
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


def _files(request: Request, serial: int) -> dict[str, Path]:
    """The files of a release, by their names; without one the answer is 404."""
    served = parts_of(request).releases

    def look() -> dict[str, Path]:
        if served is None:
            raise KeyError(f"release {serial}")
        return served.files(serial)

    return found(look)
