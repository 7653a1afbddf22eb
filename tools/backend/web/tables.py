"""Users of the page, their sessions and tokens, and what they did. Times are in ms since 1970.

Of a session and a token only a hash is kept: who reads the database can't log in with it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Table

from tools.backend.columns import key, names, text, texts, whole

metadata = MetaData()
_USER = "page_user.name"

# role: viewer, operator or admin
user = Table("page_user", metadata, *names("name"), *texts("hash", "role"), whole("created"))

session = Table(
    "page_session",
    metadata,
    *names("hash"),
    text("user", ForeignKey(_USER)),
    text("csrf"),
    whole("created"),
    whole("seen"),
)

# role: never more than that of its user
token = Table(
    "page_token",
    metadata,
    key(),
    text("user", ForeignKey(_USER)),
    text("name"),
    text("hash", unique=True),
    text("role"),
    whole("created"),
    Column("used", BigInteger),
)

action = Table(
    "page_action",
    metadata,
    key(),
    whole("at", index=True),
    text("user"),
    text("node", empty=True),
    text("what"),
    text("detail", empty=True),
)
