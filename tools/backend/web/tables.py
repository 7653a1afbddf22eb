"""Users of the page, their sessions and tokens, and what they did. Times are in ms since 1970.

Of a session and a token only a hash is kept: who reads the database can't log in with it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Table, Text

from tools.backend.tables import KEY

metadata = MetaData()

user = Table(
    "page_user",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("role", Text, nullable=False),  # viewer, operator or admin
    Column("created", BigInteger, nullable=False),
)

session = Table(
    "page_session",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("user", Text, ForeignKey("page_user.name"), nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)

token = Table(
    "page_token",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("user", Text, ForeignKey("page_user.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),  # never more than that of its user
    Column("created", BigInteger, nullable=False),
    Column("used", BigInteger),
)

action = Table(
    "page_action",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("user", Text, nullable=False),
    Column("node", Text, nullable=False, server_default=""),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)
