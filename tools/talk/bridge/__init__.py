"""`bridge`: the MQTT of a board without a network, carried from its serial port to a broker."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import click

from tools.shared.ports import choose
from tools.talk.bridge.bridge import Bridge
from tools.talk.bridge.screen import Keys, Screen
from tools.talk.connection import Address, options


@click.command()
@click.option("--port", help="serial port  [default: the only one plugged in]")
@click.option(
    "--baud", default=115_200, show_default=True, type=click.IntRange(min=1200),
    help="speed of a UART; ignored for USB",
)  # fmt: skip
@options(user=False)
@click.option(
    "--keys", is_flag=True, help="send keys to the board's REPL, Ctrl-C too; Ctrl-] leaves"
)
def command(port: str | None, baud: int, broker: Address, keys: bool) -> None:
    """Carry a board's MQTT from its serial port to a broker, until Ctrl-C.

    The board has "mqtt": {"serial": "usb"} in its config.json, or a UART. Lines of
    "board:" are what it prints. You can start and stop board, port and broker in any order. The
    board's config has the user and password for the broker; TLS begins here.
    """
    screen = Screen(raw=keys)
    bridge = Bridge(choose(port), baud, broker, screen)
    try:
        asyncio.run(_run(bridge, keys))
    finally:
        screen.flush()
        screen.say(bridge.summary())


async def _run(bridge: Bridge, keys: bool) -> None:
    task = asyncio.create_task(bridge.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    keyboard = Keys(bridge.type, task.cancel) if keys else contextlib.nullcontext()
    with keyboard, contextlib.suppress(asyncio.CancelledError):
        await task
