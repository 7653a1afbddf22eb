"""Users, passwords and tokens."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.requests import Request

from tools.backend.database import writing
from tools.backend.web import models as m
from tools.backend.web import users
from tools.backend.web.api.answers import me_of, right
from tools.backend.web.guard import Admin, Viewer
from tools.backend.web.parts import parts_of

router = APIRouter()


@router.get("/me", tags=["users"])
def me(request: Request, who: Viewer) -> m.Me:
    """Who you are, and what you may do."""
    return me_of(who)


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
        right(lambda: users.set_password(connection, who.name, body.password))
        users.note(connection, who.name, "changed their password")
    return me_of(who)


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
        token = right(lambda: users.add_token(connection, who.name, body.name, body.role))
        users.note(connection, who.name, "made a token", detail=f"{body.name} ({body.role})")
    return m.MadeToken(token=token)


@router.delete("/me/tokens/{token}", tags=["users"], responses={404: {"model": m.Problem}})
def remove_token(request: Request, who: Viewer, token: int) -> m.Me:
    """End a token of yours."""
    with writing(parts_of(request).database) as connection:
        if not users.remove_token(connection, token, who.name):
            raise HTTPException(404, "You have no such token.")
    return me_of(who)


@router.get("/users", tags=["users"])
def all_users(request: Request, who: Admin) -> list[m.User]:
    """All users."""
    with parts_of(request).database.connect() as connection:
        return [m.User(**row) for row in users.users(connection)]


@router.post("/users", tags=["users"], status_code=201)
def add_user(request: Request, who: Admin, body: m.NewUser) -> m.Me:
    """Make a user."""
    with writing(parts_of(request).database) as connection:
        right(lambda: users.add(connection, body.name, body.password, body.role))
        users.note(connection, who.name, "made a user", detail=f"{body.name} ({body.role})")
    return me_of(who)


@router.patch("/users/{name}", tags=["users"])
def change_role(request: Request, who: Admin, name: str, body: m.NewRole) -> m.Me:
    """Give a user another role."""
    with writing(parts_of(request).database) as connection:
        right(lambda: users.set_role(connection, name, body.role))
        users.note(connection, who.name, "changed a role", detail=f"{name} ({body.role})")
    return me_of(who)


@router.put("/users/{name}/password", tags=["users"])
def change_password(request: Request, who: Admin, name: str, body: m.NewPassword) -> m.Me:
    """Give a user another password."""
    if who.token:
        raise HTTPException(403, "A token can't change a password. Log in.")
    with writing(parts_of(request).database) as connection:
        right(lambda: users.set_password(connection, name, body.password))
        users.note(connection, who.name, "changed a password", detail=name)
    return me_of(who)


@router.delete("/users/{name}", tags=["users"])
def remove_user(request: Request, who: Admin, name: str) -> m.Me:
    """Remove a user, with sessions and tokens."""
    with writing(parts_of(request).database) as connection:
        right(lambda: users.remove(connection, name))
        users.note(connection, who.name, "removed a user", detail=name)
    return me_of(who)
