"""`python -m tools.board_pages`: writes docs/boards, a page with a pin table for each board."""

from __future__ import annotations

from pathlib import Path

from tools import boards
from tools.boards import Board
from tools.paths import ROOT

FOLDER = ROOT / "docs" / "boards"
TLS = {
    "verified": "yes, the broker's certificate is checked",
    "unverified": "yes, but certificates cannot be checked",
    "none": "no",
}
NETWORKS = {
    "wifi": "Wi-Fi",
    "none": "none: MQTT over USB with `make bridge`, or readings are printed",
}


def page(board: Board) -> str:
    """The page of a board."""
    facts, pins = board.petrel, board.petrel["pins"]
    heap = facts["heap"]["bytes"]
    storage = facts["storage"]["bytes"]
    lines = [
        f"# {board.facts['product']} ({board.id})",
        "",
        f"Written by `make reference` from `boards/{board.id}/board.json`; do not edit it here.",
        "",
        "| | |",
        "|---|---|",
        f"| chip, port | {board.facts['mcu']}, {board.facts['port']} |",
        f"| network | {NETWORKS[facts['network']]} |",
        f"| TLS | {TLS[facts['tls']]} |",
        f"| heap | {f'{heap:,} bytes' if heap else 'not known'} |",
        f"| file system | {f'{storage:,} bytes' if storage else 'the rest of the flash'} |",
        f"| ADC | full scale {facts['adc']['full_scale_v']} V |",
        f"| deep sleep | {facts['deep_sleep'] or 'no'} |",
        "",
        "## Pins",
        "",
        "| pin | input | output | pull | analog | |",
        "|---|---|---|---|---|---|",
    ]
    if pins["adc"] == [0]:  # ESP8266's one analog input has the number of a GPIO
        pins = {**pins, "adc": ["ADC (0)"]}
    for pin in [*pins["all"], *(each for each in pins["adc"] if each not in pins["all"])]:
        lines.append(_row(pin, pins, str(facts["network"])))
    lines += ["", "Free for everything are the pins with nothing in the last column.", ""]
    lines += [f"- {note['text']}" for note in facts.get("notes", ())]
    return "\n".join(lines).rstrip() + "\n"


def _row(pin: int | str, pins: dict[str, list[int | str] | dict[str, str]], network: str) -> str:
    name = str(pin)
    said = []
    if name in pins["reserved"]:
        reserved = pins["reserved"]
        assert isinstance(reserved, dict)
        return f"| {name} | | | | | not free: {reserved[name]} |"
    if name in pins["strapping"]:
        strapping = pins["strapping"]
        assert isinstance(strapping, dict)
        said.append(f"read at the start: {strapping[name]}")
    analog = "yes" if pin in pins["adc"] else ""
    if pin in pins["adc_not_with_wifi"] and network == "wifi":
        analog = "not with Wi-Fi"
    digital = pin in pins["all"]
    cells = [
        "yes" if digital else "",
        "yes" if digital and pin not in pins["input_only"] else "",
        "yes" if digital and pin not in pins["no_pull"] else "",
        analog,
        "; ".join(said),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def pages() -> dict[Path, str]:
    """Every page, by its path; the simulated board has its own description."""
    return {
        FOLDER / f"{name}.md": page(boards.load(name)) for name in boards.names() if name != "UNIX"
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text)
    print(f"written: {len(pages())} pages in {FOLDER.relative_to(ROOT)}")
