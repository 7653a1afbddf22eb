"""Words that depend on a number."""

from __future__ import annotations


def counted(count: int, what: str) -> str:
    """A number of things: 1 node, 2,000 nodes."""
    return f"{count:,} {what}{'s' * (count != 1)}"
