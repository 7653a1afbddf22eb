"""`config`: shows the config of a node, and changes it over MQTT."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from tools.config.check import minified
from tools.config.difference import check_values, merged, of_settings, part_of, shown
from tools.shared.errors import ToolError
from tools.talk.connection import Address, options
from tools.talk.dialog import Dialog, hint
from tools.talk.readings import parse

TRIAL_S = 300  # that a node has to connect with a new config, unless its config says otherwise
RESTART_S = 120  # besides: to store it, check it, restart, and restart again if it goes back


@click.command()
@click.argument("node")
@click.option(
    "--set", "settings", multiple=True, metavar="PATH=VALUE",
    help="change a key, such as sensors.light.interval=5; null removes it",
)  # fmt: skip
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="change all of it to what a file says; secrets that it leaves out are kept",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="send it without a question")
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option(
    "--wait", default=20.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
    help="seconds for a reply",
)  # fmt: skip
def command(
    node: str,
    settings: tuple[str, ...],
    file: Path | None,
    yes: bool,
    broker: Address,
    base: str,
    wait: float,
) -> None:
    """Show the config of NODE, or change it.

    What changes is shown before it is sent. The node checks it, restarts, and goes back to its
    config if it can't connect with the new one. If its config has a commands.secret, give that
    in the environment, as PETREL_SECRET.
    """
    if settings and file:
        raise ToolError("--set and --file are both given", "Use one of them.")
    console = Console(highlight=False, soft_wrap=True)
    secret = os.environ.get("PETREL_SECRET", "")
    part = of_settings(settings)  # before the node is asked: it may be slow, or away
    check_values(part)
    text = _read(file) if file else ""
    with Dialog(broker, base, node, secret) as dialog:
        now = _now(dialog, secret, wait)
        if not part and not file:
            click.echo(json.dumps(now, indent=2, ensure_ascii=False))
            return
        name, payload, then = _wanted(now, part, text)
        lines = shown(now, then)
        if not lines:
            click.echo("Nothing to change.")
            return
        _print(console, lines)
        if not yes:
            click.confirm(f"Send it to {node}?", abort=True)
        dialog.listen(f"{then.get('base', 'petrel')}/{then.get('node', node)}")
        reply = parse(dialog.ask(name, payload, wait))
        if not isinstance(reply, dict) or not reply.get("restarts"):
            raise _refused(node, reply, secret)
        for warning in reply.get("warnings", ()):
            console.print(f"[bold yellow]warning[/] {escape(str(warning))}")
        commands = then.get("commands")
        trial = commands.get("trial", TRIAL_S) if isinstance(commands, dict) else TRIAL_S
        with console.status(f"{escape(node)} restarts; waiting until it is connected"):
            told = dialog.reply("config", trial + RESTART_S)
    if told is None:
        raise ToolError(
            f"{node} did not come back within {trial + RESTART_S:g} s",
            "It goes back to its config before by itself. make monitor shows when it is online.",
        )
    outcome = parse(told)
    if not isinstance(outcome, dict) or not outcome.get("ok"):
        raise _refused(node, outcome, secret)
    click.echo(f"{node} has restarted, and is connected with the new config.")


def _now(dialog: Dialog, secret: str, wait: float) -> dict[str, Any]:
    """The config of the node, with null in place of its secrets."""
    reply = dialog.ask("config/get", "", wait)
    answer = parse(reply)
    if not isinstance(answer, dict) or not isinstance(answer.get("config"), dict):
        error = answer.get("error", reply) if isinstance(answer, dict) else reply
        advice = "Send the change itself: make send NODE= COMMAND=config PAYLOAD='{...}'"
        if "memory" not in error:
            advice = hint(reply, bool(secret)) if "sign" in reply else ""
        raise ToolError(f"{dialog.name} did not send its config: {error}", advice)
    found: dict[str, Any] = answer["config"]
    return found


def _read(file: Path) -> str:
    """The text of a config, without spaces."""
    try:
        text = minified(file).decode()
        wanted = json.loads(text)
    except ValueError as error:
        raise ToolError(f"{file} is not JSON: {error}", "make check says where.") from None
    if not isinstance(wanted, dict):
        raise ToolError(f"{file} is not a config", "It has to be an object, {...}.")
    return text


def _wanted(
    now: dict[str, Any], part: dict[str, Any], text: str
) -> tuple[str, str, dict[str, Any]]:
    """The command, its payload, and the config that will be in use then.

    part: of it; text: all of it, empty if only a part is to change
    """
    if not text:
        return "config", json.dumps(part), merged(now, part)
    part = part_of(now, json.loads(text))
    short = json.dumps(part, separators=(",", ":"))
    then = merged(now, part)
    # In another list of networks the node keeps the passwords only if the whole config comes.
    if len(short) < len(text) and not isinstance(part.get("wifi"), list):
        return "config", short, then
    return "config/put", text, then


def _print(console: Console, lines: list[str]) -> None:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        colour = colours.get(line[:1])
        text = escape(line)
        console.print(f"[{colour}]{text}[/]" if colour else text)


def _refused(node: str, reply: object, secret: str) -> ToolError:
    """What a node said that keeps its config."""
    answer = reply if isinstance(reply, dict) else {"error": str(reply)}
    faults = [str(fault) for fault in answer.get("faults", ())] or [str(answer.get("error"))]
    back = "went back" in str(answer.get("error"))
    what = "went back to its config before" if back else "refused it; nothing was changed"
    advice = "\n  ".join(faults)
    if "sign" in advice:
        advice += "\n  " + hint(advice, bool(secret))
    return ToolError(f"{node} {what}", advice)
