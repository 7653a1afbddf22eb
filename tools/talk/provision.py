"""`provision`: gives a board on USB its Wi-Fi, by Improv over serial."""

from __future__ import annotations

import contextlib
import os

import click
import serial
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.shared.errors import ToolError
from tools.shared.ports import choose
from tools.talk.improv import Board, RefusedError, State

READ_S = 0.1


@click.command()
@click.option("--port", help="the board's serial port  [default: the only one on USB]")
@click.option("--baud", default=115200, show_default=True, help="bits per second of a UART")
@click.option("--ssid", help="the network; without it you choose from those in reach")
@click.option(
    "--wait", default=20.0, show_default=True, type=click.FloatRange(min=1),
    help="seconds for the board's first answer",
)  # fmt: skip
def command(port: str | None, baud: int, ssid: str | None, wait: float) -> None:
    """Give a board on USB its Wi-Fi.

    The board must have Petrel, and a config with "wifi": {}. It joins the network before it saves
    anything. The password is asked for, or taken from the environment, PETREL_WIFI_PASSWORD.
    """
    name = choose(port)
    try:
        line = serial.Serial(name, baud, timeout=READ_S, exclusive=True)
    except (serial.SerialException, OSError) as error:
        raise ToolError(
            f"can't open {name}: {error}", "Close what else uses it, such as make repl."
        ) from None
    with line:
        try:
            provision(Board(line, _board_says), name, ssid, wait)
        except (serial.SerialException, OSError) as error:
            raise ToolError(f"{name} is gone: {error}", "Plug the board in again.") from None


def provision(board: Board, port: str, ssid: str | None, wait: float) -> None:
    """Ask the person, tell the board, and ask again if it can't join."""
    console = Console(highlight=False)
    with console.status(f"waiting for the board on {escape(port)}"):
        state = board.state(wait)
    if state is None:
        raise ToolError(
            f"no answer from the board on {port} within {wait:g} s",
            'It answers only while its config has "wifi": {}; send one with make deploy CONFIG=. '
            "If it is at its REPL, reset it.",
        )
    firmware, version, chip, node = (board.info() + [""] * 4)[:4]
    click.echo(f"{node}: {firmware} {version} on {chip}")
    if state == State.PROVISIONED:
        click.echo("It has its Wi-Fi already.")
        return
    given = ssid is not None
    while True:
        secured = True
        if ssid is None:
            ssid, secured = _choose(board, console)
        password = _password(ssid) if secured else ""
        try:
            with console.status(f"joining {escape(ssid)}"):
                answer = board.join(ssid, password)
        except RefusedError as error:
            if given:
                raise ToolError(
                    f'the board could not join "{ssid}" ({error})',
                    "See above why. Nothing was saved.",
                ) from None
            click.echo(f'The board could not join "{ssid}". Nothing was saved. Try again.')
            ssid = None
            continue
        address = answer[1] if len(answer) > 1 else "unknown"
        click.echo(f'The board has joined "{ssid}" and saved it. Its address is {address}.')
        click.echo("It starts now. make monitor HOST=your-broker shows its readings.")
        return


def _choose(board: Board, console: Console) -> tuple[str, bool]:
    """The network that the person wants, and whether it needs a password."""
    found: list[tuple[str, int, bool]] = []
    with contextlib.suppress(RefusedError), console.status("looking for networks"):
        found = board.scan()
    table = Table(box=None, pad_edge=False)
    for head in ("", "network", "dBm", ""):
        table.add_column(head, justify="right" if head in ("dBm", "") else "left")
    for number, (name, rssi, secured) in enumerate(found, 1):
        table.add_row(str(number), escape(name), str(rssi), "" if secured else "open")
    if found:
        console.print(table)
    else:
        click.echo("The board found no network.")
    wanted = click.prompt("Network, by number or name", default="1" if found else None)
    if wanted.isdigit() and 0 < int(wanted) <= len(found):
        name, _, secured = found[int(wanted) - 1]
        return name, secured
    return wanted, next((secured for name, _, secured in found if name == wanted), True)


def _password(ssid: str) -> str:
    given = os.environ.get("PETREL_WIFI_PASSWORD")
    if given is not None:
        return given
    prompt = f"Password of {ssid} (empty for none)"
    return str(click.prompt(prompt, hide_input=True, default="", show_default=False))


def _board_says(line: str) -> None:
    """Show what the board prints about its work."""
    if line.startswith("Petrel:"):
        click.echo(f"board: {line}", err=True)
