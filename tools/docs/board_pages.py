"""docs/boards: a page with a pin table for each board; tools.docs.generated writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.config import life
from tools.make import storage
from tools.shared import boards
from tools.shared.boards import Board
from tools.shared.paths import ROOT

FOLDER = ROOT / "docs" / "boards"
TLS = {
    "verified": "yes, it checks the broker's certificate",
    "unverified": "yes, but it can't check certificates",
    "none": "no",
}
NETWORKS = {
    "wifi": "Wi-Fi",
    "none": "none: MQTT over USB with `make bridge`, or it prints its readings",
}


def page(board: Board) -> str:
    """The page of a board."""
    facts, pins = board.petrel, board.petrel["pins"]
    heap = facts["heap"]["bytes"]
    size = facts["storage"]["bytes"]
    lines = [
        f"# {board.facts['product']} ({board.id})",
        "",
        f"`make reference` writes this page from `boards/{board.id}/board.json`; don't edit it "
        "here.",
        "",
        "| | |",
        "|---|---|",
        f"| chip, port | {board.facts['mcu']}, {board.facts['port']} |",
        f"| network | {NETWORKS[facts['network']]} |",
        f"| TLS | {TLS[facts['tls']]}{'; files in DER' if 'certificates' in facts else ''} |",
        f"| heap | {f'{heap:,} bytes' if heap else 'not known'} |",
        f"| file system | {_file_system(board) if size else 'the rest of the flash'} |",
        *(
            [f"| [ROMFS](../deploy.md#romfs) | needs {_romfs(facts['romfs'])} |"]
            if "romfs" in facts
            else []
        ),
        f"| ADC | full scale {facts['adc']['full_scale_v']} V |",
        f"| deep sleep | {facts['deep_sleep'] or 'no'} |",
        "",
        "## Pins",
        "",
        "| pin | input | output | pull | analog | PWM | |",
        "|---|---|---|---|---|---|---|",
    ]
    if pins["adc"] == [0]:  # ESP8266's one analog input has the number of a GPIO
        pins = {**pins, "adc": ["ADC (0)"]}
    for pin in [*pins["all"], *(each for each in pins["adc"] if each not in pins["all"])]:
        lines.append(_row(pin, pins, str(facts["network"]), facts["pwm"].get("timers")))
    lines += ["", "Pins with an empty last column are free for any use.", ""]
    lines += [_pwm(facts["pwm"])]
    if pins.get("cpu"):
        lines += [
            "In brackets is the chip's name for a pin. Two pins with the same name in brackets "
            "are one pin. Of the pins with the same number in brackets, only one can be the "
            "input of a button, contact, encoder or counter.",
        ]
    lines += [*_currents(board), ""]
    for note in facts.get("notes", ()):
        doubt = " (From memory, not checked against a source.)"
        lines.append(f"- {note['text']}{doubt if note['confidence'] == 'recall' else ''}")
    return "\n".join(lines).rstrip() + "\n"


def _currents(board: Board) -> list[str]:
    """What people measured of such boards, for `make battery`."""
    found = life.measured(board.petrel)
    if not found:
        return []
    lines = ["", "## Currents", "", "[`make battery`](../battery.md#how-long-it-lasts) uses them."]
    lines += [
        "Others measured them:",
        "",
        "| board | asleep | awake, with Wi-Fi | |",
        "|---|---|---|---|",
    ]
    for each in found:
        awake = "" if each.awake_ma is None else life.current(each.awake_ma)
        asleep = life.current(each.asleep_ua / 1000)
        lines.append(f"| {each.of} | {asleep} | {awake} | [source]({each.source}) |")
    return lines


def _file_system(board: Board) -> str:
    facts = board.petrel["storage"]
    room = storage.capacity(board)
    return f"{facts['bytes']:,} bytes; for files {room:,}, in blocks of {facts['block']:,}"


def _romfs(facts: dict[str, Any]) -> str:
    size = f"; {facts['bytes']:,} bytes" if "bytes" in facts else ""
    return f"{facts['firmware']}{size}"


def _pwm(pwm: dict[str, Any]) -> str:
    least, most = pwm["least_hz"], pwm["most_hz"]
    line = f"PWM: {least:,} to {most:,} Hz"
    if pwm.get("timers"):
        line += ". In the table, outputs with the same number share a frequency; if the letter is "
        line += "the same too, they are the same output"
    return line + "."


def _row(pin: int | str, pins: dict[str, Any], network: str, timers: dict[str, str] | None) -> str:
    name = str(pin)
    said = []
    shown = f"{name} ({pins['cpu'][name]})" if pins.get("cpu") else name
    if name in pins["reserved"]:
        return f"| {shown} | | | | | | not free: {pins['reserved'][name]} |"
    if name in pins["strapping"]:
        said.append(f"read at the start: {pins['strapping'][name]}")
    if name in pins["some_modules"]:
        said.append(f"not free on some modules: {pins['some_modules'][name]}")
    if pin in pins["level_only"]:
        said.append("only for reading and setting a level: no interrupts, PWM, I2C or 1-Wire")
    analog = "yes" if pin in pins["adc"] else ""
    if pin in pins["adc_not_with_wifi"] and network == "wifi":
        analog = "not with Wi-Fi"
    digital = pin in pins["all"]
    output = digital and pin not in pins["input_only"]
    pull = " ".join(pins["pulls"]) if digital and pin not in pins["no_pull"] else ""
    pwm = output and pin not in pins["level_only"]
    cells = [
        "yes" if digital else "",
        "yes" if output else "",
        pull,
        analog,
        ("yes" if timers is None else timers.get(name, "")) if pwm else "",
        "; ".join(said),
    ]
    return f"| {shown} | " + " | ".join(cells) + " |"


def table(shown: list[Board]) -> str:
    """docs/boards/README.md."""
    lines = [
        "# Boards",
        "",
        "Each page has the board's pins and its pitfalls. None of the boards has been tried yet:",
        "see [hardware.md](../hardware.md). `make reference` writes these pages from",
        "`boards/*/board.json`; don't edit them here.",
        "",
        "| board | `BOARD=` | network | TLS | heap |",
        "|---|---|---|---|---|",
    ]
    for board in shown:
        facts = board.petrel
        heap = facts["heap"]["bytes"]
        network = {"wifi": "Wi-Fi", "none": "over USB"}[facts["network"]]
        lines.append(
            f"| [{board.facts['product']}]({board.id}.md) | `{board.id}` | {network} | "
            f"{TLS[facts['tls']]} | {f'{heap:,} bytes' if heap else 'not known'} |"
        )
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Every page, by its path; the simulated board has its own description."""
    shown = [boards.load(name) for name in boards.names() if name != "UNIX"]
    found = {FOLDER / f"{board.id}.md": page(board) for board in shown}
    return {FOLDER / "README.md": table(shown), **found}
