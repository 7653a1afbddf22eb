"""Times as people and programs give them to the API."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tools.backend.queries import now_ms

UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "y": 365 * 86_400_000}
LATEST_MS = 253_402_300_799_000  # the year 9999


def parsed(text: str) -> int:
    """Ms since 1970 from such a number, from ISO 8601, "now" or "-24h"; raises ValueError."""
    text = text.strip()
    if text in ("", "now"):
        return now_ms()
    if found := re.fullmatch(r"-(\d{1,6})([smhdy])", text):
        return now_ms() - int(found[1]) * UNITS_MS[found[2]]
    if re.fullmatch(r"-?\d{1,16}", text):
        at = int(text)
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"{text[:40]!r} isn't a time; give ms since 1970, 2026-11-27T12:00Z, now or -24h"
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        at = int(moment.timestamp() * 1000)
    return max(0, min(at, LATEST_MS))
