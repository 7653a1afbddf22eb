"""The pages that a person looks at. Each is a frame; its script fills it from the API."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tools.backend.database import writing
from tools.backend.web import users
from tools.backend.web.guard import address_of, cookie_name, find
from tools.backend.web.parts import Parts, parts_of
from tools.backend.web.users import Who

HERE = Path(__file__).parent
COOKIE_S = 30 * 86400
# What the navigation shows: path, title, and the drawing beside it.
NAVIGATION = [
    ("/", "Nodes", "nodes"),
    ("/plot", "Plot", "plot"),
    ("/alarms", "Alarms", "bell"),
    ("/rollouts", "Rollouts", "rollouts"),
    ("/log", "Log", "log"),
    ("/settings", "Settings", "settings"),
]

router = APIRouter(include_in_schema=False)


@cache
def templates() -> Environment:
    """Jinja with everything escaped, and nothing undefined passed over."""
    loader = FileSystemLoader(HERE / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)


def page(request: Request, template: str, title: str, **values: Any) -> Response:
    """A page for who has logged in; for others the way to log in, and back here."""
    who = find(request)
    if who is None:
        path = request.url.path
        if request.url.query:
            path += f"?{request.url.query}"
        return RedirectResponse(f"/login?{urlencode({'to': path})}", 303)
    html = (
        templates()
        .get_template(template)
        .render(
            title=title,
            who=who,
            path=request.url.path,
            navigation=NAVIGATION,
            **values,
        )
    )
    return HTMLResponse(html)


@router.get("/")
def overview(request: Request) -> Response:
    """All nodes."""
    return page(request, "nodes.html", "Nodes")


@router.get("/nodes/{node}")
def one_node(request: Request, node: str) -> Response:
    """One node, live."""
    return page(request, "node.html", node, node=node)


@router.get("/plot")
def plot(request: Request) -> Response:
    """Sensors over time."""
    return page(request, "plot.html", "Plot", parquet=find_spec("pyarrow") is not None)


@router.get("/alarms")
def alarms(request: Request) -> Response:
    """Alarms, rules and history."""
    return page(request, "alarms.html", "Alarms")


@router.get("/rollouts")
def rollouts(request: Request) -> Response:
    """Releases on their way to nodes."""
    return page(request, "rollouts.html", "Rollouts")


@router.get("/log")
def log(request: Request) -> Response:
    """What happened."""
    return page(request, "log.html", "Log")


@router.get("/settings")
def settings(request: Request) -> Response:
    """Password, tokens, users."""
    return page(request, "settings.html", "Settings")


@router.get("/api")
def api(request: Request) -> Response:
    """The API's calls, from its own description."""
    schema = request.app.openapi()
    calls = [
        (method.upper(), path, about["summary"], about.get("description", ""))
        for path, methods in schema["paths"].items()
        for method, about in methods.items()
    ]
    return page(request, "api.html", "API", calls=calls)


@router.get("/health")
def health(request: Request) -> JSONResponse:
    """Whether the page and its database answer; for what watches over it."""
    with parts_of(request).database.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    return JSONResponse({"ok": True})


@router.get("/login")
def login_form(request: Request) -> Response:
    """Where one logs in."""
    if find(request):
        return RedirectResponse(_way(request.query_params.get("to", "")), 303)
    return _form(request.query_params.get("to", ""))


@router.post("/login")
async def login(request: Request) -> Response:
    """Log in."""
    fields = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=10)
    name, password, to = (fields.get(key, [""])[0] for key in ("name", "password", "to"))
    parts, address = parts_of(request), address_of(request)
    wait = parts.throttle.begin(name, address)
    if wait:
        said = f"Too many tries. Wait {wait:.0f} s, then try again."
        return _form(to, name, said, 429, {"Retry-After": str(int(wait) + 1)})
    secret = await run_in_threadpool(_log_in, parts, name, password)
    if secret is None:
        return _form(to, name, "That name and password don't belong together.", 403)
    parts.throttle.succeeded(name, address)
    answer = RedirectResponse(_way(to), 303)
    answer.set_cookie(
        cookie_name(parts.settings),
        secret,
        max_age=COOKIE_S,
        path="/",
        secure=parts.settings.secure,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session."""
    fields = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=10)
    request.state.csrf = fields.get("csrf", [""])[0]
    parts = parts_of(request)
    who = await run_in_threadpool(find, request)
    if who is not None:
        await run_in_threadpool(_log_out, parts, who)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(cookie_name(parts.settings), path="/", secure=parts.settings.secure)
    return answer


def _log_in(parts: Parts, name: str, password: str) -> str | None:
    with parts.database.connect() as connection:
        right = users.checked(connection, name, password)
    if not right:
        return None
    with writing(parts.database) as connection:
        users.note(connection, name, "logged in")
        return users.log_in(connection, name)


def _log_out(parts: Parts, who: Who) -> None:
    with writing(parts.database) as connection:
        users.log_out(connection, who)


def _form(
    to: str, name: str = "", said: str = "", status: int = 200, headers: Any = None
) -> HTMLResponse:
    text = (
        templates()
        .get_template("login.html")
        .render(title="Log in", to=_way(to), name=name[:64], said=said)
    )
    return HTMLResponse(text, status, headers)


def _way(to: str) -> str:
    """Where to go after logging in: a path of ours, never another host."""
    if to.startswith("/") and not to.startswith(("//", "/\\")) and not _has_control(to):
        return to
    return "/"


def _has_control(text: str) -> bool:
    return any(ord(char) < 32 or char == "\\" for char in text)
