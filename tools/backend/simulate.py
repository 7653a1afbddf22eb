"""`simulate`: a fleet of simulated nodes, for a broker and whatever listens there."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path
from typing import IO

import click

from tools.backend.fleet import SENSORS, Fleet, Plan
from tools.shared.errors import ToolError
from tools.talk.connection import Address, options

TELL_S = 5.0


@click.command()
@click.option(
    "--nodes", type=click.IntRange(0, 10_000), default=100, show_default=True, help="how many"
)
@click.option(
    "--real", type=click.IntRange(0, 100), default=0, show_default=True,
    help="nodes besides that are Petrel itself, each on a simulated board",
)  # fmt: skip
@click.option(
    "--sensors", type=click.IntRange(1, 100), default=len(SENSORS), show_default=True,
    help="of each node",
)  # fmt: skip
@click.option(
    "--interval", type=click.FloatRange(min=0.01), default=60.0, show_default=True,
    help="seconds between two readings of a sensor",
)  # fmt: skip
@click.option("--rate", type=click.FloatRange(min=0.01), help="readings/s of all; for --interval")
@click.option(
    "--trouble", type=click.FloatRange(min=0), default=600.0, show_default=True,
    help="seconds between two outages, restarts or copies of a node, on average; 0: none",
)  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0), help="end after that time")
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option("--seed", type=int, default=1, show_default=True, help="of all that is random")
@click.option(
    "--ledger", type=click.Path(dir_okay=False, path_type=Path),
    help="write a line for each reading into a file: node, sensor, boot, seq",
)  # fmt: skip
@options()
def command(
    nodes: int, real: int, sensors: int, interval: float, rate: float | None, trouble: float,
    seconds: float | None, base: str, seed: int, ledger: Path | None, broker: Address,
) -> None:  # fmt: skip
    """Let simulated nodes publish to a broker, until Ctrl-C.

    They speak as real ones do, with outages, restarts, late readings and copies. At the end
    it waits until the broker has everything; the exit status is 1 if something is left.
    """
    if not nodes and not real:
        raise ToolError("there is nothing to simulate", "Give NODES= or --real a number.")
    if rate and nodes:
        interval = nodes * sensors / rate
    plan = Plan(nodes, sensors, interval, trouble, base, seed)
    click.echo(f"{nodes} nodes, {nodes * sensors / interval:.0f} readings/s; Ctrl-C ends it")
    with contextlib.ExitStack() as stack:
        if real:
            from tools.backend.real import running

            stack.enter_context(running(real, [broker], base, interval))
            click.echo(f"{real} nodes besides on simulated boards, with two sensors each")
        file = stack.enter_context(ledger.open("w")) if ledger else None
        fleet, whole = asyncio.run(_run(broker, plan, file, seconds))
    totals = fleet.totals
    click.echo(
        f"{totals.accepted} readings, {totals.delivered} delivered; {totals.again} sent again,"
        f" {totals.outages} outages, {totals.restarts} restarts, {totals.commands} commands"
    )
    if not whole:
        raise ToolError(f"{fleet.waiting} readings are left", fleet.why or f"Is {broker} running?")


async def _run(
    broker: Address, plan: Plan, file: IO[str] | None, seconds: float | None
) -> tuple[Fleet, bool]:  # fmt: skip
    fleet = Fleet(broker, plan, file)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, fleet.stopping.set)
    if seconds:
        loop.call_later(seconds, fleet.stopping.set)
    telling = asyncio.create_task(_tell(fleet))
    try:
        return fleet, await fleet.run()
    finally:
        telling.cancel()


async def _tell(fleet: Fleet) -> None:
    """Say now and then how it goes."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(TELL_S)
        why = f"; {fleet.why}" if fleet.why and not fleet.online else ""
        click.echo(
            f"{time.monotonic() - began:4.0f} s: {fleet.online} of {len(fleet.nodes)} online,"
            f" {fleet.totals.delivered} readings delivered, {fleet.waiting} waiting{why}"
        )
