"""`user`: the users of the page, from the command line: the first admin, and lost passwords."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from tools.backend.config import load
from tools.backend.database import open_database, writing
from tools.backend.web import users

ROLE = click.Choice(users.ROLES)


@click.group(name="user", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Add users of the page, change their roles and passwords, make tokens for programs.

    A viewer looks; an operator also switches outputs, sends commands, stops rollouts and
    acknowledges alarms; an admin also changes rules and users. Passwords are asked for, or come
    from PETREL_USER_PASSWORD.
    """


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which the database is found; the command gets it as `database`."""

    @click.option(
        "--config",
        "path",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="the collector's config; without it collector.toml of this folder, if there is one",
    )
    @click.option("--database", "url", help="its URL; instead of database.url")
    @functools.wraps(function)
    def wrapped(path: Path | None, url: str | None, **others: Any) -> Any:
        database = open_database(url or load(path).database.url)
        try:
            return function(database=database, **others)
        finally:
            database.dispose()

    return wrapped


@command.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, default="viewer", show_default=True)
@_options
def add(name: str, role: str, database: sa.Engine) -> None:
    """Make a user."""
    password = _password()
    with writing(database) as connection:
        users.add(connection, name, password, role)
    click.echo(f"{name} can log in, as {role}")


@command.command("list")
@_options
def list_users(database: sa.Engine) -> None:
    """List all users."""
    table = Table("name", "role", "tokens")
    with database.connect() as connection:
        for each in users.users(connection):
            tokens = [token["name"] for token in users.tokens(connection, each["name"])]
            table.add_row(each["name"], each["role"], ", ".join(tokens))
    Console().print(table)


@command.command("password")
@click.argument("name")
@_options
def password(name: str, database: sa.Engine) -> None:
    """Give a user another password; it is logged out everywhere."""
    given = _password()
    with writing(database) as connection:
        users.set_password(connection, name, given)
    click.echo(f"{name} has another password")


@command.command("role")
@click.argument("name")
@click.argument("role", type=ROLE)
@_options
def role(name: str, role: str, database: sa.Engine) -> None:
    """Give a user another role."""
    with writing(database) as connection:
        users.set_role(connection, name, role)
    click.echo(f"{name} is {role}")


@command.command("remove")
@click.argument("name")
@_options
def remove(name: str, database: sa.Engine) -> None:
    """Remove a user, with its sessions and tokens."""
    with writing(database) as connection:
        users.remove(connection, name)
    click.echo(f"{name} is gone")


@command.command("token")
@click.argument("name")
@click.argument("what")
@click.option("--role", type=ROLE, default="viewer", show_default=True)
@_options
def token(name: str, what: str, role: str, database: sa.Engine) -> None:
    """Make a token of the user NAME for a program; WHAT says which. It is printed once."""
    with writing(database) as connection:
        made = users.add_token(connection, name, what, role)
    click.echo(made)


def _password() -> str:
    given = os.environ.get("PETREL_USER_PASSWORD")
    if given is not None:
        return given
    asked: str = click.prompt("password", hide_input=True, confirmation_prompt=True)
    return asked
