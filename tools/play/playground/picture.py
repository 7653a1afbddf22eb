"""The picture of the playground in the documentation: a short session, as somebody types it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tools.play.playground.screen import Screen
from tools.play.playground.stage import Stage

SESSION = ("air.temperature 31", "press door", "pump on", "broker kill", "broker start")
SIZE = (96, 34)


def draw(stage: Stage, path: Path) -> None:
    """Play a session and write its last screen as SVG."""
    path.write_text(asyncio.run(_played(stage)))


async def _played(stage: Stage) -> str:
    screen = Screen(stage)
    async with screen.run_test(size=SIZE) as pilot:
        while len(stage.readings.rows) < 7:
            await pilot.pause(0.1)
        for line in SESSION:
            await pilot.press(*("space" if key == " " else key for key in line), "enter")
            await screen.workers.wait_for_complete()
            await pilot.pause(3)
        await pilot.press(*"wifi", "space")
        await pilot.pause(3)
        screen.show()
        text = screen.export_screenshot(title="make play")
    # A picture asks nobody for a font.
    return re.sub(r',\s*url\("[^"]*"\)(?: format\("\w+"\))?', "", text)
