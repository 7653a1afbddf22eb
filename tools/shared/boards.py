"""The facts of boards/<ID>/board.json, and the part of them that travels to the board."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from tools.shared.errors import ToolError
from tools.shared.paths import BOARDS

SCHEMA = BOARDS / "board.schema.json"
LINUX = "RPI"  # a node on Linux, without MicroPython: nothing is compiled or flashed for it


@dataclass(frozen=True)
class Board:
    """One board: its id and what board.json says of it."""

    id: str
    facts: dict[str, Any]

    @property
    def petrel(self) -> dict[str, Any]:
        """What Petrel needs to know of it."""
        facts: dict[str, Any] = self.facts["petrel"]
        return facts

    @property
    def install(self) -> dict[str, Any]:
        """How MicroPython gets onto it."""
        install: dict[str, Any] = self.petrel["install"]
        return install

    @property
    def romfs_variant(self) -> str:
        """The variant of its firmware that has a ROMFS, "" unless the usual one has none."""
        return str(self.petrel.get("romfs", {}).get("variant", ""))

    @property
    def optimise(self) -> int:
        """mpy-cross's -O for it."""
        level: int = self.petrel["mpy"]["optimise"]
        return level

    @property
    def config_bytes(self) -> int:
        """The largest config it takes: it is stored twice, and parsed in RAM."""
        heap = self.petrel["heap"]
        small = not heap["grows"] and heap["bytes"] <= 65_536
        flash = self.petrel["storage"]["bytes"]
        return 4096 if small or (flash and flash < 262_144) else 16_384

    def module(self, config: str | None = None) -> str:
        """The source of the module `board`, with which the node checks its config's pins.

        config: the text of a config that the node takes where there is none
        """
        pins, adc, pwm = (self.petrel[key] for key in ("pins", "adc", "pwm"))
        watchdog = self.petrel["watchdog"]
        sleep = self.petrel.get("sleep", {})
        lines = [
            f"# Generated from boards/{self.id}/board.json.",
            f"ID = {self.id!r}",
            f"PINS = {tuple(pins['all'])!r}",
            f"ADC = {tuple(pins['adc'])!r}",
            f"ADC_NOT_WITH_WIFI = {tuple(pins['adc_not_with_wifi'])!r}",
            f"INPUT_ONLY = {tuple(pins['input_only'])!r}",
            f"NO_PULL = {tuple(pins['no_pull'])!r}",
            f"RESERVED = {_keys(pins['reserved'])!r}",
            f"STRAPPING = {_keys(pins['strapping'])!r}",
            f"WIFI = {self.petrel['network'] == 'wifi'!r}",
            f"FULL_SCALE = {adc['full_scale_v']!r}",
            f"PULLS = {tuple(pins['pulls'])!r}",
            f"HZ = {(pwm['least_hz'], pwm['most_hz'])!r}",
        ]
        seldom = {
            "LEVEL_ONLY": tuple(pins["level_only"]),
            "SOME_MODULES": _keys(pins["some_modules"]),
            "CPU": pins.get("cpu"),
            "MOST": self.config_bytes if self.config_bytes < 16_384 else None,
            "TLS": self.petrel["tls"] if self.petrel["tls"] != "verified" else None,
            "ETHERNET": tuple(self.petrel.get("ethernet", ())),
            "DER": self.petrel.get("certificates") == "DER",
            "WATCHDOG_MS": watchdog.get("max_ms") or watchdog.get("fixed_ms"),
            "DIVIDED": tuple(adc.get("divided_v", ())),
            "NO_SLEEP": sleep.get("never"),
            "SLEEP_PIN": sleep.get("wired_to_reset"),
            "SLEEP_WATCHDOG": sleep.get("watchdog_goes_on"),
            "WAKE_PINS": tuple(sleep.get("wake_pins", ())),
            "WAKE_TOUCH": tuple(sleep.get("wake_touch", ())),
            "HOLDS": sleep.get("holds"),
            "TIMERS": {pin: _channel(at) for pin, at in _keys(pwm.get("timers", {})).items()},
        }
        # What a board has none of costs it no RAM.
        lines += [f"{name} = {fact!r}" for name, fact in seldom.items() if fact]
        if config is not None:
            lines.append(f"CONFIG = {config!r}")
        return "\n".join(lines) + "\n"


def names() -> list[str]:
    """The ids of all boards that run MicroPython."""
    found = {path.parent.name for path in BOARDS.glob("*/board.json")}
    return sorted(found - {LINUX})


def complete(_context: object, _argument: object, typed: str) -> list[str]:
    """For the shell: the ids of boards that begin with what was typed, in either case."""
    return [name for name in names() if name.startswith(typed.upper())]


def load(name: str) -> Board:
    """The board of that id; raises ToolError, with what may have been meant, for another."""
    if name not in (*names(), LINUX):
        close = difflib.get_close_matches(name.upper(), names(), 1, 0.4)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ToolError(f"there is no board {name!r}", f"{hint}There are {', '.join(names())}")
    path = BOARDS / name / "board.json"
    return Board(name, _facts(path, path.stat().st_mtime_ns))


@cache
def _facts(path: Path, _changed: int) -> dict[str, Any]:
    """What a board.json says; raises ToolError that names the place if it cannot be used."""
    shown = path.relative_to(BOARDS.parent)
    try:
        facts: dict[str, Any] = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ToolError(
            f"{shown}:{error.lineno}: not JSON: {error.msg}",
            "look at that line and the line before it",
        ) from error
    except (OSError, UnicodeError) as error:
        raise ToolError(
            f"can't read {shown}: {error}", "restore it from the repository"
        ) from error
    fault = jsonschema.exceptions.best_match(_schema().iter_errors(facts))
    if fault:
        where = fault.json_path.removeprefix("$.").removeprefix("$") or "the file"
        raise ToolError(
            f"{shown}: {where}: {fault.message[:200]}",
            f"{SCHEMA.name} beside it says what each key may be; other boards are examples",
        )
    return facts


@cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def _channel(at: str) -> int:
    """A timer and its channel, such as "4B", as one number; the timer is in the bits from 3 on."""
    return int(at[:-1]) << 3 | "ABCDEFGH".index(at[-1])


def _keys(table: dict[str, str]) -> dict[int | str, str]:
    """JSON has no numbers as keys; pins that are numbers are numbers again here."""
    return {int(key) if key.isdigit() else key: value for key, value in table.items()}
