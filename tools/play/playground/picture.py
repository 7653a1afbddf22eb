"""The pictures of the playground and the monitor in the documentation: a short session."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from textual.app import App

from tools.play.playground.screen import Screen
from tools.play.playground.stage import Stage
from tools.talk.connection import Address, Connection
from tools.talk.monitor_screen import Screen as Monitor
from tools.talk.readings import Readings

SESSION = ("air.temperature 31", "press door", "pump on", "broker kill", "broker start")
SIZE = (96, 34)
MONITOR_SIZE = (96, 14)


def draw(stage: Stage, folder: Path) -> None:
    """Play a session; write its last screen as play.svg, and what the monitor shows of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "play.svg").write_text(asyncio.run(_played(stage)))
    (folder / "monitor.svg").write_text(_watched(stage))


async def _played(stage: Stage) -> str:
    screen = Screen(stage)
    async with screen.run_test(size=SIZE) as pilot:
        while len(stage.readings.rows) < 7:
            await pilot.pause(0.1)
        for line in SESSION:
            await pilot.press(*("space" if key == " " else key for key in line), "enter")
            await screen.workers.wait_for_complete()
            await pilot.pause(3)
        while "connected" not in stage.bench.lines[-1] or "not" in stage.bench.lines[-1]:
            await pilot.pause(0.1)  # until the node is back
        await pilot.press(*"wifi", "space")
        await pilot.pause(3)
        screen.show()
        return _plain(screen, "make play")


def _watched(stage: Stage) -> str:
    readings = Readings(stage.base)
    connection = Connection(Address(stage.broker.host, stage.broker.port), f"{stage.base}/#")

    def arrived(client: Any, data: Any, message: Any) -> None:
        readings.take(message.topic, message.payload.decode(errors="replace"))

    async def session() -> str:
        screen = Monitor(readings, connection)
        async with screen.run_test(size=MONITOR_SIZE) as pilot:
            while len(readings.rows) < len(stage.readings.rows):
                await pilot.pause(0.1)
            screen.show()
            await pilot.pause(3)
            return _plain(screen, "make monitor HOST=127.0.0.1")

    connection.client.on_message = arrived
    connection.open()
    try:
        return asyncio.run(session())
    finally:
        connection.close()


def _plain(screen: App[None], title: str) -> str:
    """The screen as SVG, which asks nobody for a font."""
    text = screen.export_screenshot(title=title)
    return re.sub(r',\s*url\("[^"]*"\)(?: format\("\w+"\))?', "", text)
