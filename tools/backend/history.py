"""What a node's diagnostics tell, in lines for its log: what is new in them."""

from __future__ import annotations

from typing import Any

LONGEST = 500  # characters of a line

Line = tuple[str, str]  # level and text


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[Line]:
    """The lines for new diagnostics of a node, after the old ones; `old` is empty at first."""
    lines: list[Line] = []
    if _number(new, "uptime") < _number(old, "uptime") or not old:
        lines.append(("info", _started(new)))
        if new.get("why"):
            lines.append(("error", f"restarted: {new['why']}"))
    elif new.get("why") and new.get("why") != old.get("why"):
        lines.append(("error", f"restarted: {new['why']}"))
    if new.get("mode") == "safe" and old.get("mode") != "safe":
        lines.append(("error", "in safe mode: it crashed three times in a row"))
    if old.get("version") and new.get("version") != old.get("version"):
        lines.append(("info", f"version {old['version']} became {new.get('version')}"))
    for name, words in (("error", "error: {}"), ("faults", "faults: {}"), ("clock", "clock: {}")):
        if new.get(name) and new.get(name) != old.get(name):
            lines.append(("warning", words.format(_text(new[name]))))
    if new.get("failing") != old.get("failing"):
        if new.get("failing"):
            lines.append(("error", f"sensors that fail: {_text(new['failing'])}"))
        elif old.get("failing"):
            lines.append(("info", "all sensors work again"))
    for name, words in (("refused", "found no room"), ("drops", "were dropped")):
        more = _number(new, name) - _number(old, name)
        if more > 0:
            lines.append(("warning", f"{more:.0f} more readings {words}"))
    if (count := lost(new)) and count != lost(old):
        lines.append(("error", f"{count} messages were lost"))
    return [(level, text[:LONGEST]) for level, text in lines]


def lost(diagnostics: dict[str, Any]) -> int:
    """The messages that a node could not keep, in RAM or on its flash."""
    flash = diagnostics.get("flash")
    count = _number(diagnostics, "lost")
    return int(count + (_number(flash, "lost") if isinstance(flash, dict) else 0))


def columns(diagnostics: dict[str, Any]) -> dict[str, Any]:
    """What the table of nodes has of diagnostics."""
    texts = {name: _word(diagnostics.get(name)) for name in ("version", "board", "mode")}
    counts = {
        name: int(_number(diagnostics, name)) if name in diagnostics else None
        for name in ("waiting", "refused")
    }
    signal = _number(diagnostics, "rssi") if "rssi" in diagnostics else None
    return {
        **texts,
        **counts,
        "signal": signal,
        "lost": lost(diagnostics),
        "uptime": _number(diagnostics, "uptime"),
    }


def _started(new: dict[str, Any]) -> str:
    reset = f" after {_text(new['reset'])}" if new.get("reset") else ""
    return f"started{reset}, version {_text(new.get('version', 'unknown'))}"


def _number(content: dict[str, Any], name: str) -> float:
    """A number of diagnostics, within 64 bits; 0 if it is none."""
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return value if abs(value) < 2**53 else 0


def _word(value: Any) -> str | None:
    return None if value is None else _text(value)[:64]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(each)}" for key, each in value.items())
    return str(value)
