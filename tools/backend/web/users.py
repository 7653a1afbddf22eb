"""Users, roles, passwords, sessions and tokens."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tools.backend.database import Row, all_rows, writing
from tools.backend.queries import now_ms
from tools.backend.web import tables as t
from tools.shared.errors import ToolError

ROLES = ("viewer", "operator", "admin")  # each may do what those before it may
SHORTEST, LONGEST = 10, 200  # characters of a password
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
IDLE_MS = 7 * 24 * 3_600_000  # after which a session ends by itself
LASTS_MS = 90 * 24 * 3_600_000  # after which it ends, used or not
SEEN_MS = 60_000  # how exactly a session and a token remember when they were used
TOKEN_PREFIX = "petrel_"

# OWASP's second choice: 19 MiB for each guess, and 30 ms.
_hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19456, parallelism=1),))
_nobody = _hasher.hash(secrets.token_urlsafe())  # an unknown name costs the same time
_hashing = threading.BoundedSemaphore(2)  # guesses at once: no more memory than that


@dataclass(frozen=True)
class Who:
    """Who asks: a user who has logged in, or a program with a token."""

    name: str
    role: str
    csrf: str = ""
    session: str = ""  # the hash of the session; empty: it is a token
    token: str = ""  # the name of the token

    def may(self, role: str) -> bool:
        """Whether it may do what that role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


def add(connection: sa.Connection, name: str, password: str, role: str) -> None:
    """Make a user; raises ToolError if name, password or role won't do."""
    if not NAME.fullmatch(name):
        raise ToolError(
            f"a user can't be named {name!r}", "Use letters, digits and . _ @ -, 64 at most."
        )
    _check_role(role)
    if _user(connection, name):
        raise ToolError(f"there is a user {name!r} already", "Choose another name.")
    values = {"role": role, "created": now_ms(), "hash": hashed(password, name)}
    connection.execute(t.user.insert().values(name=name, **values))


def first(connection: sa.Connection) -> str | None:
    """Make the user `admin` if there is none at all; returns its password, which nobody keeps."""
    if connection.scalar(sa.select(sa.func.count()).select_from(t.user)):
        return None
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    add(connection, "admin", password, "admin")
    return password


def hashed(password: str, name: str) -> str:
    """The hash of a password; raises ToolError if it is too easy."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ToolError(
            f"the password has {len(password)} characters",
            f"Use {SHORTEST} to {LONGEST}. Three or four words are easy to remember.",
        )
    if name.lower() in password.lower() or len(set(password)) < 5:
        raise ToolError("the password is easily guessed", "Use three or four words.")
    with _hashing:
        return _hasher.hash(password)


def checked(connection: sa.Connection, name: str, password: str) -> bool:
    """Whether that is the user's password; takes as long if there is no such user."""
    user = _user(connection, name)
    kept = user["hash"] if user else _nobody
    with _hashing:
        right = _hasher.verify(password[: LONGEST + 1], kept)
    return right and user is not None


def set_password(connection: sa.Connection, name: str, password: str) -> None:
    """Give a user another password; it is logged out everywhere."""
    _must(connection, name)
    value = hashed(password, name)
    connection.execute(t.user.update().where(t.user.c.name == name).values(hash=value))
    connection.execute(t.session.delete().where(t.session.c.user == name))


def set_role(connection: sa.Connection, name: str, role: str) -> None:
    """Give a user another role; tokens that may do more than that end."""
    _check_role(role)
    user = _must(connection, name)
    if role != "admin":
        _keep_an_admin(connection, user)
    connection.execute(t.user.update().where(t.user.c.name == name).values(role=role))
    more = ROLES[ROLES.index(role) + 1 :]
    c = t.token.c
    connection.execute(t.token.delete().where(c.user == name, c.role.in_(more)))


def remove(connection: sa.Connection, name: str) -> None:
    """Remove a user, its sessions and its tokens."""
    _keep_an_admin(connection, _must(connection, name))
    for table in (t.session, t.token):
        connection.execute(table.delete().where(table.c.user == name))
    connection.execute(t.user.delete().where(t.user.c.name == name))


def users(connection: sa.Connection) -> list[Row]:
    """All users, without their hashes."""
    c = t.user.c
    query = sa.select(c.name, c.role, c.created).order_by(c.name)
    return all_rows(connection, query)


# --- sessions


def log_in(connection: sa.Connection, name: str) -> str:
    """Begin a session of a user; returns what its cookie holds."""
    secret, now = secrets.token_urlsafe(32), now_ms()
    values = {"user": name, "csrf": secrets.token_urlsafe(24), "created": now, "seen": now}
    connection.execute(t.session.insert().values(hash=digest(secret), **values))
    old = sa.or_(t.session.c.seen < now - IDLE_MS, t.session.c.created < now - LASTS_MS)
    connection.execute(t.session.delete().where(old))
    return secret


def by_session(database: sa.Engine, secret: str) -> Who | None:
    """Whose session that is; None if it has ended."""
    s, u, now = t.session.c, t.user.c, now_ms()
    query = sa.select(s.hash, s.csrf, s.seen, u.name, u.role).select_from(t.session.join(t.user))
    query = query.where(s.hash == digest(secret), s.seen >= now - IDLE_MS)
    with database.connect() as connection:
        row = connection.execute(query.where(s.created >= now - LASTS_MS)).first()
    if row is None:
        return None
    if row.seen < now - SEEN_MS:
        with writing(database) as connection:
            connection.execute(t.session.update().where(s.hash == row.hash).values(seen=now))
    return Who(row.name, row.role, row.csrf, row.hash)


def log_out(connection: sa.Connection, who: Who) -> None:
    """End a session."""
    connection.execute(t.session.delete().where(t.session.c.hash == who.session))


# --- tokens


def add_token(connection: sa.Connection, user: str, name: str, role: str) -> str:
    """Make a token for a program; returns it, the only time that it is seen."""
    _check_role(role)
    owner = _must(connection, user)
    if ROLES.index(role) > ROLES.index(owner["role"]):
        raise ToolError(f"{user} is {owner['role']}", f"Its tokens can't be {role}.")
    if not name.strip() or len(name) > 64:
        raise ToolError("a token needs a name of 1 to 64 characters", "Say what uses it.")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    values = {"user": user, "name": name.strip(), "role": role, "created": now_ms()}
    connection.execute(t.token.insert().values(hash=digest(secret), **values))
    return secret


def by_token(database: sa.Engine, secret: str) -> Who | None:
    """Whose token that is; None if there is none."""
    c, now = t.token.c, now_ms()
    with database.connect() as connection:
        row = connection.execute(sa.select(t.token).where(c.hash == digest(secret))).first()
    if row is None:
        return None
    if (row.used or 0) < now - SEEN_MS:
        with writing(database) as connection:
            connection.execute(t.token.update().where(c.id == row.id).values(used=now))
    return Who(row.user, row.role, token=row.name)


def tokens(connection: sa.Connection, user: str | None = None) -> list[Row]:
    """The tokens of a user, or all; without their hashes."""
    c = t.token.c
    query = sa.select(c.id, c.user, c.name, c.role, c.created, c.used).order_by(c.id)
    if user is not None:
        query = query.where(c.user == user)
    return all_rows(connection, query)


def remove_token(connection: sa.Connection, token: int, user: str | None = None) -> bool:
    """End a token, of a certain user if that is given; False if there is none."""
    c = t.token.c
    change = t.token.delete().where(c.id == token)
    if user is not None:
        change = change.where(c.user == user)
    return bool(connection.execute(change).rowcount)


# --- what users did


def note(connection: sa.Connection, who: str, what: str, node: str = "", detail: str = "") -> None:
    """Write down what somebody did."""
    values = {"at": now_ms(), "user": who, "what": what, "node": node, "detail": detail[:500]}
    connection.execute(t.action.insert().values(**values))


def actions(connection: sa.Connection, node: str | None = None, most: int = 100) -> list[Row]:
    """What users did, the newest first."""
    query = sa.select(t.action).order_by(t.action.c.id.desc()).limit(most)
    if node is not None:
        query = query.where(t.action.c.node == node)
    return all_rows(connection, query)


class Throttle:
    """Slows guessing: after some failures, each further one costs twice the time of the last, up
    to five minutes. Counted for a name from an address, for a name, and for an address: who
    guesses at somebody's password can't easily lock them out, for theirs is another address.
    """

    FREE: ClassVar = {"both": 5, "user": 50, "address": 30}
    LONGEST_S = 300.0
    FORGOTTEN_S = 3600.0
    MOST = 10_000  # names and addresses that are remembered

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}
        self._lock = threading.Lock()

    def begin(self, user: str, address: str) -> float:
        """Begin a try: it counts as a failure until it succeeds, so that many at once are counted.

        Returns the seconds to wait, without counting it, if it comes too early; else 0.
        """
        with self._lock:
            now, keys = self._clock(), _keys(user, address)
            left = max(self._left(key, now) for key in keys)
            if left > 0:
                return left
            self._tidy(now)
            for key in keys:
                count, last = self._failures.get(key, (0, now))
                self._failures[key] = (1 if now - last > self.FORGOTTEN_S else count + 1, now)
            return 0.0

    def succeeded(self, user: str, address: str) -> None:
        """Forget a user's failures from there; of the others only this try."""
        with self._lock:
            both, *others = _keys(user, address)
            self._failures.pop(both, None)
            for key in others:
                count, last = self._failures.get(key, (1, 0.0))
                self._failures[key] = (count - 1, last)

    def _left(self, key: tuple[str, str], now: float) -> float:
        count, last = self._failures.get(key, (0, 0.0))
        over = count - self.FREE[key[0]]
        if over < 0 or now - last > self.FORGOTTEN_S:
            return 0.0
        return last + min(self.LONGEST_S, 2.0 ** min(over, 20)) - now

    def _tidy(self, now: float) -> None:
        if len(self._failures) < self.MOST:
            return
        old = now - self.FORGOTTEN_S
        self._failures = {key: value for key, value in self._failures.items() if value[1] > old}
        while len(self._failures) >= self.MOST:
            self._failures.pop(next(iter(self._failures)))


def _keys(user: str, address: str) -> tuple[tuple[str, str], ...]:
    user = user.lower()[:64]
    return ("both", f"{user} {address}"), ("user", user), ("address", address)


def digest(secret: str) -> str:
    """What is kept of a secret that is long and random."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _user(connection: sa.Connection, name: str) -> Row | None:
    row = connection.execute(sa.select(t.user).where(t.user.c.name == name)).mappings().first()
    return dict(row) if row else None


def _must(connection: sa.Connection, name: str) -> Row:
    user = _user(connection, name)
    if user is None:
        raise ToolError(f"there is no user {name!r}", "petrel user list shows them.")
    return user


def _keep_an_admin(connection: sa.Connection, user: Row) -> None:
    """Raise ToolError if nobody is left who may manage users without this one."""
    c = t.user.c
    query = sa.select(sa.func.count()).where(c.role == "admin", c.name != user["name"])
    if user["role"] == "admin" and not connection.scalar(query):
        raise ToolError(f"{user['name']} is the only admin", "Make another user admin first.")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise ToolError(f"there is no role {role!r}", f"Use {', '.join(ROLES)}.")
