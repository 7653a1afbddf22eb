"""The application: the API, the pages and their files, behind the shield."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import sqlalchemy as sa
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from tools.backend.web import api, pages
from tools.backend.web.guard import Shield
from tools.backend.web.parts import Parts

log = logging.getLogger("petrel.page")
ABOUT = """\
Everything that the page shows and does. Log in on the page, or send a token:
`Authorization: Bearer petrel_...`; you make tokens under *Settings*. All times are in ms since
1970, in UTC.
"""


class Files(StaticFiles):
    """Files of the page: asked for again only if they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def make_app(parts: Parts) -> FastAPI:
    """The application over these parts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts.alarms.changed = parts.live.alarms_changed
        yield
        parts.live.close()

    app = FastAPI(
        title="Petrel",
        version="1",
        description=ABOUT,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they would load a script from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.parts = parts
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", Files(directory=pages.HERE / "static"), name="static")
    app.add_middleware(Shield, settings=parts.settings)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(sa.exc.SQLAlchemyError, _no_database)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = "Not found" if error.status_code == 404 else "Refused"
    return _answer(request, error.status_code, error.detail, title, error.headers)


async def _no_database(request: Request, error: Exception) -> Response:
    log.error("the database failed: %s", error)
    said = "The database doesn't answer. Is its server running, is its disk full?"
    return _answer(request, 503, said, "No database")


def _answer(
    request: Request, status: int, said: str, title: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A page for people, JSON for programs."""
    if request.url.path.startswith("/api/v1") or request.method != "GET":
        return JSONResponse({"detail": said}, status, headers)
    template = pages.templates().get_template("error.html")
    return HTMLResponse(template.render(title=title, said=said, status=status), status, headers)
