"""The kinds of columns that the tables are made of; the migrations make them with these as well.

So nothing here may change what it makes: a database that was made long ago has it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Text

KEY = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself there


def key() -> Column[int]:
    """The number of a row, which the database gives."""
    return Column("id", KEY, primary_key=True)


def names(*each: str) -> list[Column[str]]:
    """Texts that identify a row together."""
    return [Column(name, Text, primary_key=True) for name in each]


def text(name: str, *about: Any, empty: bool = False, **options: Any) -> Column[str]:
    """A text that is always there. empty: it is if nothing is said."""
    default = "" if empty else None
    return Column(name, Text, *about, nullable=False, server_default=default, **options)


def texts(*each: str) -> list[Column[str]]:
    """Texts that are always there."""
    return [text(name) for name in each]


def whole(name: str, index: bool = False) -> Column[int]:
    """A whole number of up to 64 bits, such as ms since 1970."""
    return Column(name, BigInteger, nullable=False, index=index)


def of_node(nullable: bool = False) -> list[Column[int]]:
    """The columns that begin each row about a node: its id, the node, and when."""
    return [key(), node(nullable), whole("at")]


def node(nullable: bool = False) -> Column[int]:
    """The node that a row is about."""
    return Column("node", KEY, ForeignKey("node.id"), nullable=nullable)
