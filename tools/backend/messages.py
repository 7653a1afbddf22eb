"""What an MQTT message of a node says, by docs/topics.md.

parse() never raises: what can't be read comes back as Unreadable, with the reason. All that comes
from outside is checked here, so that no database refuses it later: numbers are finite and fit into
64 bits, texts are whole Unicode without zero bytes.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import orjson

from tools.backend.tables import BY_ARRIVAL, BY_NODE, BY_UPTIME, DAY_MS
from tools.talk.formats import is_binary, read

LONGEST_NAME = 256  # characters of a node's or sensor's name
LONGEST_TEXT = 4096  # of a value that is text
MOST_KEPT = 65_536  # bytes of a payload that can't be read
EARLIEST_MS = 1_577_836_800_000  # 2020: a clock that says less was never set
AHEAD_MS = DAY_MS  # a clock may be wrong by as much
MOST = 2**63 - 1
RESERVED = ("status", "diagnostics")
FOREIGN = -1  # the boot of readings that tell none
_NUMBER = re.compile(rb"-?[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")
_WORDS = re.compile(rb"[A-Za-z][A-Za-z0-9_-]*(?: [A-Za-z0-9_-]+){0,3}")
LEVELS = ("info", "warning", "error")


@dataclass(slots=True)
class Reading:
    """A value of a sensor. `said`: see tables.reading.

    boot is FOREIGN where the message has none: of other publishers, and of nodes whose format is
    plain.
    """

    base: str
    node: str
    sensor: str
    boot: int
    seq: int
    time: int
    source: int
    value: float | None
    text: str | None
    unit: str
    kind: str
    at: int
    said: int | None = None


@dataclass(slots=True)
class Told:
    """Anything else a node says, or is told. kind: status, diagnostics, reply, command or log."""

    kind: str
    base: str
    node: str
    at: int
    text: str
    name: str = ""  # of a command or reply; the level of a line of a log
    content: Any = None  # of JSON
    retained: bool = False


@dataclass(slots=True)
class Unreadable:
    """A message that is none of these."""

    topic: str
    payload: bytes
    reason: str
    at: int


Item = Reading | Told | Unreadable


class NotReadable(Exception):
    """Why a message is no reading."""


def parse(topic: str, payload: bytes, at: int, base: str, retained: bool = False) -> Item:
    """What a message below `base` says. at: when it arrived, ms since 1970."""
    try:
        return _parse(topic, payload, at, base, retained)
    except NotReadable as error:
        return Unreadable(clean(topic), payload, str(error), at)


def _parse(topic: str, payload: bytes, at: int, base: str, retained: bool) -> Item:
    node, _, what = topic[len(base) + 1 :].partition("/")
    _check_name("node", node)
    _check_name("sensor", what)
    if what == "status":
        if payload not in (b"online", b"offline"):
            raise NotReadable("a status is online or offline")
        return Told("status", base, clean(node), at, payload.decode(), retained=retained)
    kind, _, name = what.partition("/")
    if kind == "cmd" and name:
        text = clean(payload[:MOST_KEPT].decode(errors="replace"))
        return Told("command", base, clean(node), at, text, clean(name), retained=retained)
    if payload[:1] != b"{" and kind != "reply" and what not in ("diagnostics", "log"):
        if is_binary(payload):
            return _reading(_binary(payload), at, base, clean(node), clean(what))
        if (value := _plain(payload)) is not None:
            number, words, kind = valued(value)
            names = base, clean(node), clean(what)
            return Reading(*names, FOREIGN, at, at, BY_ARRIVAL, number, words, "", kind, at)
    content = decoded(payload)
    if not isinstance(content, dict):
        raise NotReadable("not a JSON object")
    if what == "diagnostics" or (kind == "reply" and name):
        content = cleaned(content)
        text = json.dumps(content, ensure_ascii=False)
        kind = "diagnostics" if what == "diagnostics" else "reply"
        return Told(kind, base, clean(node), at, text, clean(name), content, retained)
    if what == "log" and isinstance(content.get("text"), str):
        return _line(content, at, base, clean(node), retained)
    return _reading(content, at, base, clean(node), clean(what))


def _binary(payload: bytes) -> dict[str, Any]:
    """A reading in MessagePack or CBOR. Raises NotReadable."""
    try:
        return read(payload)
    except ValueError as error:
        raise NotReadable(str(error)) from None


def _plain(payload: bytes) -> bool | float | str | None:
    """The value of a node whose format is plain; None for anything else.

    A text is one or a few words: else every message that is none of a node's would be a reading.
    """
    if _NUMBER.fullmatch(payload):
        return float(payload)
    if payload in (b"true", b"false"):
        return payload == b"true"
    return payload.decode() if payload != b"null" and _WORDS.fullmatch(payload) else None


def _line(content: dict[str, Any], at: int, base: str, node: str, retained: bool) -> Told:
    """A line of a node's log; from before a restart it may come late, and says when it was."""
    time = milliseconds(content.get("time"))
    if time is not None and plausible(time, at):
        at = min(time, at)
    level = content.get("level")
    level = level if level in LEVELS else "info"
    text = clean(content["text"][:LONGEST_TEXT])
    return Told("log", base, node, at, text, level, content, retained)


def _reading(content: dict[str, Any], at: int, base: str, node: str, sensor: str) -> Reading:
    if "value" not in content:
        raise NotReadable('no "value"')
    boot, seq = _identity(content, "boot"), _identity(content, "seq")
    unit = content.get("unit", "")
    if not isinstance(unit, str):
        raise NotReadable('"unit" is not text')
    value, text, kind = valued(content["value"])
    time, source, said = _timed(content, at)
    return Reading(
        base, node, sensor, boot, seq, time, source, value, text, clean(unit[:64]), kind, at, said
    )


def _identity(content: dict[str, Any], name: str) -> int:
    number = content.get(name)
    if type(number) is not int or not 0 <= number <= MOST:
        raise NotReadable(f'"{name}" is not a whole number' if name in content else f'no "{name}"')
    return number


def _timed(content: dict[str, Any], at: int) -> tuple[int, int, int | None]:
    """When a reading was taken, how that is known, and what the node said if it can't be right."""
    if (time := milliseconds(content.get("time"))) is not None:
        if plausible(time, at):
            return time, BY_NODE, None
        return at, BY_ARRIVAL, time
    uptime = milliseconds(content.get("uptime"))
    if uptime is not None and 0 <= uptime < at - EARLIEST_MS:
        return at, BY_UPTIME, uptime  # the store knows the node's start, and corrects it
    return at, BY_ARRIVAL, uptime


def plausible(time: int, at: int) -> bool:
    """True if a reading that arrived at `at` can be of that time."""
    return EARLIEST_MS <= time <= at + AHEAD_MS


def milliseconds(seconds: Any) -> int | None:
    """Seconds as whole milliseconds, in 64 bits; None if it is not a number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    found = seconds * 1000
    if isinstance(found, float) and not math.isfinite(found):
        return None
    return max(-MOST, min(MOST, round(found)))


def valued(value: Any) -> tuple[float | None, str | None, str]:
    """A value as a number or as text, and the kind of its sensor. Raises NotReadable."""
    if isinstance(value, bool):
        return float(value), None, "switch"
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise NotReadable("the value is not a finite number")
        return number, None, "number"
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise NotReadable(f"the value is longer than {LONGEST_TEXT} characters")
        return None, clean(value), "text"
    if value is None:
        return None, None, "number"
    raise NotReadable("the value is neither a number, true or false, nor text")


def decoded(payload: bytes) -> Any:
    """The content of a JSON payload. Raises NotReadable."""
    with contextlib.suppress(orjson.JSONDecodeError):
        return orjson.loads(payload)
    try:  # Python's own is slower, takes halves of surrogates, and tells what is wrong
        return json.loads(payload)
    except ValueError:  # UnicodeDecodeError among them
        raise NotReadable("not JSON" if payload else "empty") from None
    except RecursionError:
        raise NotReadable("nested too deep") from None


def clean(text: str) -> str:
    """A text that every database takes: without zero bytes and halves of surrogates."""
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode(errors="replace").decode()
    return text


def cleaned(content: Any) -> Any:
    """The same of all that is in JSON; numbers that JSON doesn't have become null."""
    if isinstance(content, str):
        return clean(content)
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, list):
        return [cleaned(each) for each in content]
    if isinstance(content, dict):
        return {clean(key): cleaned(value) for key, value in content.items()}
    return content


def _check_name(what: str, name: str) -> None:
    if not name:
        raise NotReadable(f"the topic names no {what}")
    if len(name) > LONGEST_NAME:
        raise NotReadable(f"the {what}'s name is longer than {LONGEST_NAME} characters")
