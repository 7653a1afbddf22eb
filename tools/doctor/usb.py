"""Looks at a board on USB: its files, its config, and what it prints when it starts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import serial
from rich.console import Console
from rich.markup import escape

from tools.board.deploy import record_of
from tools.board.targets import CONFIG, Found, Mpremote
from tools.config.check import FILES, findings
from tools.doctor.findings import Finding, Level, cure_of, good, look, wrong
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.ports import choose

BAUD = 115200
BACK_S = 15.0  # what a board with USB of its own gets to come back
FEW_BYTES = 16_384  # of its file system
_BOARD = "board.txt"
_SAYS = "Petrel: "
_FINE = ("connected", "listening", "joined")  # what it says when all is well


def examine(console: Console, port: str | None, seconds: float) -> list[Finding]:
    """Look at a board, start it, and listen to it for so many seconds."""
    name = choose(port)
    target = Mpremote(name)
    with console.status(f"looking at the board on {escape(name)}"):
        identity, platform = target.identify()
        found = target.look()
        texts = {each: target.text(each) for each in (_BOARD, CONFIG) if each in found.sizes}
    console.print(f"{name}: MicroPython on {platform}, {identity}")
    result = list(of_files(found, texts))
    if any(each.level == Level.WRONG for each in result):
        target.reset()
        return result
    with console.status("starting it"):
        target.reset()
    return result + of_console(list(listen(name, seconds, console)), seconds)


def of_files(found: Found, texts: dict[str, str]) -> Iterator[Finding]:
    """What its file system tells."""
    record = record_of(found.record)
    if not record:
        yield wrong(
            "there is no Petrel on it", "make deploy BOARD=... CONFIG=... copies it there."
        )
        return
    missing = [name for name, digest in record.items() if not digest]
    missing += [name for name in record if name.endswith(".mpy") and name not in found.sizes]
    board = texts.get(_BOARD, "").strip()
    if missing:
        yield wrong(
            f"Petrel is not complete on it: {', '.join(sorted(set(missing))[:4])}",
            "Run make deploy again: it goes on from there.",
        )
    else:
        where = "its ROMFS" if found.rom and found.rom.digest and found.rom.ours else "files"
        yield good(f"Petrel for {board or 'an unknown board'} is on it, as {where}")
    if found.free is not None and found.free < FEW_BYTES:
        yield look(f"{found.free:,} bytes are free on its file system")
    if "maintenance" in found.sizes:
        yield wrong(
            "a file named maintenance keeps Petrel from starting", "mpremote rm :maintenance"
        )
    if CONFIG not in texts:
        yield wrong("it has no config.json", "make deploy BOARD=... CONFIG=my.json sends one.")
    elif board in boards.names():
        yield from of_config(texts[CONFIG], board, found)


def of_config(text: str, board: str, found: Found) -> Iterator[Finding]:
    """What the board says of its config."""
    try:
        config: Any = json.loads(text)
    except ValueError as error:
        yield wrong(f"its config.json is not JSON: {error}", "Send a good one with make deploy.")
        return
    mqtt = config.get("mqtt") if isinstance(config, dict) else None
    given: dict[str, Any] = mqtt if isinstance(mqtt, dict) else {}
    for key in FILES:
        name = given.pop(key, None)
        if isinstance(name, str) and name not in found.sizes:
            yield wrong(
                f"mqtt.{key}: {name} is not on the board", "make deploy sends it with the config."
            )
    faults, warnings = findings(config, board)
    for fault in faults:
        yield wrong(fault, cure_of(fault))
    for warning in warnings:
        yield look(warning, cure_of(warning))
    if not faults:
        yield good("its config is good")


def listen(port: str, seconds: float, console: Console) -> Iterator[str]:
    """What it prints, line by line; ends early when it says that it is connected."""
    end = time.monotonic() + seconds
    with console.status("listening to it"), _opened(port) as line:
        while (left := end - time.monotonic()) > 0:
            line.timeout = left
            text = line.readline().decode(errors="replace").strip()
            if text:
                console.print(f"  {escape(text)}", style="dim")
                yield text
            if text == _SAYS + "connected":
                return


def of_console(lines: list[str], seconds: float) -> list[Finding]:
    """What its lines mean."""
    said = [line.removeprefix(_SAYS) for line in lines if line.startswith(_SAYS)]
    if not said:
        return [
            look(
                f"it printed nothing of Petrel's within {seconds:g} s",
                "Give it longer (--seconds 60), or press its reset button meanwhile.",
            )
        ]
    result = [
        wrong(line, cure)
        for line in dict.fromkeys(said)
        if (cure := cure_of(line)) and not line.startswith(_FINE) and "connected" not in said
    ]
    if "connected" in said:
        result.append(good("it has connected to its broker"))
    elif not result:
        result.append(look(f"it has not connected within {seconds:g} s; it said: {said[-1]}"))
    return result


def _opened(port: str) -> serial.Serial:
    """The port, when the board is back: one with USB of its own leaves it to restart."""
    end = time.monotonic() + BACK_S
    while True:
        try:
            return serial.Serial(port, BAUD, exclusive=True)
        except (serial.SerialException, OSError) as error:
            if time.monotonic() > end:
                raise ToolError(
                    f"can't open {port}: {error}",
                    "Close what else uses it, such as make repl, or plug the board in again.",
                ) from None
            time.sleep(0.2)
