"""What is typed at the playground's prompt: the commands, their help, and what may come next."""

from __future__ import annotations

import difflib
import json
import math
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tools.play.playground.parts import WRONG_PART, Part
from tools.play.sim.parts import SHAPES, columns, source
from tools.shared.errors import ToolError

if TYPE_CHECKING:
    from tools.play.playground.stage import Stage

COMMANDS = ("ping", "read", "set", "interval", "diagnostics", "reboot")  # of a node
# What those that do not take plain words want, with an example.
TAKE_JSON = {
    "set": 'type pump on, or send set {"output": "pump", "value": true}',
    "interval": 'send interval {"sensor": "light", "seconds": 5}',
}
ALIASES = {
    "?": "help", "exit": "quit", "bye": "quit", "reboot": "reset", "restart": "reset",
    "sensors": "parts", "list": "parts", "status": "parts",
}  # fmt: skip
ENCODER = "rotary"
MOST_CLICKS = 20  # of an encoder, at once
STEP_S = 0.06  # between two changes of its contacts
MOST_MS = 60_000  # that a button is pressed
LEVELS = {"0": 0, "low": 0, "1": 1, "high": 1}


class Help(NamedTuple):
    """A line of help."""

    usage: str
    what: str


HELP = (
    Help("air.temperature 31", "what a sensor measures; for analog sensors in volts: light 1.5"),
    Help("air.humidity sine 40 60 20", "follow a wave: sine, triangle, square or saw, low, high, "
         "seconds"),
    Help("light csv file.csv column 2", "follow a recording, at so many rows a second"),
    Help("press door", "press a button or contact; press door 800 holds it 800 ms"),
    Help("door 1", "hold an input at a level; toggle door changes it; turn wheel 3 turns an "
         "encoder"),
    Help("fault air absent", "break a part; fault air lists its faults, fault air none ends it"),
    Help("wifi off", "the Wi-Fi goes out of reach; wifi on"),
    Help("broker kill", "kill the broker; start, hang, resume"),
    Help("power cut", "cut the power for a moment; power off, power on"),
    Help("reset", "press the reset button"),
    Help("send read light", "send the node a command and show its reply: ping, read, diagnostics, "
         'reboot, interval {"sensor": "light", "seconds": 5}'),
    Help("pump on", "switch an output; for others lamp 40, strip [255, 80, 0]"),
    Help("parts", "the parts, their pins, and what can be set"),
    Help("config", "show the config; config edit changes it and restarts the node"),
    Help("help fault", "the help for one command"),
    Help("quit", "end; Ctrl-Q as well"),
)  # fmt: skip
CLOUD_HELP = (
    Help("twin", "show the device twin: desired and reported properties"),
    Help('desire {"config": {"queue": 50}}', "change desired properties; the node takes them as a "
         "part of its config"),
    Help('message {"command": "ping"}', "send the device a message; its reply is telemetry"),
    Help("expire", "have the node's password end: it connects again, with a new one"),
)  # fmt: skip
# What an output is set to by these words, by its driver, and what else one may type.
OUTPUTS: dict[str, dict[str, Any]] = {
    "relay": {"on": True, "off": False, "1": True, "0": False},
    "dimmer": {"on": 100, "off": 0},
    "servo": {},
    "pixels": {"on": [255, 255, 255], "off": [0, 0, 0]},
    "buzzer": {"on": 1, "off": 0},
}
EXAMPLES = {"dimmer": "40", "servo": "45", "pixels": "[255, 80, 0]", "buzzer": "0.5"}


class Quit(Exception):
    """Somebody has had enough."""


class Prompt:
    """Runs a line for a stage, and completes one that is begun."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._verbs: dict[str, Callable[[list[str]], str]] = {
            "help": self._help,
            "press": self._press,
            "toggle": self._toggle,
            "turn": self._turn,
            "fault": self._fault,
            "wifi": self._wifi,
            "broker": self._broker,
            "power": self._power,
            "reset": self._reset,
            "send": self._send,
            "parts": self._parts,
            "config": self._config,
            "quit": self._quit,
        }
        self._help_lines: tuple[Help, ...] = HELP
        self._texts: dict[str, Callable[[str], str]] = {}  # these take the rest of the line
        if hub := stage.cloud:
            self._help_lines += CLOUD_HELP
            self._texts = {
                "twin": hub.twin, "desire": hub.desire, "message": hub.message,
                "expire": hub.expire,
            }  # fmt: skip

    def run(self, line: str) -> str:
        """Do what a line says; returns what to show. Raises Quit."""
        try:
            known = {*self._verbs, *self._texts, *self._stage.parts}
            line = _plainer(line, known)
            words = shlex.split(line)
            if not words:
                return ""
            first, dot, quantity = words[0].partition(".")
            name = _meant(first, known)
            if name in self._texts and not dot:
                return self._texts[name](" ".join(line.split(maxsplit=1)[1:]))
            if name in self._verbs and not dot:
                # JSON is typed as it is; to shlex its quotation marks would be the shell's.
                payload = line.split(maxsplit=2)[2:] if re.search(r"[{\[]", line) else words[2:]
                return self._verbs[name](words[1:2] + (payload if name == "send" else words[2:]))
            if name not in self._stage.parts:
                dotted = [
                    f"{part.name}.{first.lower()}"
                    for part in self._stage.parts.values()
                    if first.lower() in part.quantities
                ]
                hint = f"did you mean {' or '.join(dotted)}?" if dotted else _try(first, known)
                raise ToolError(f"{words[0]!r} is not a command or a sensor", hint)
            return self._set([f"{name}{dot}{quantity}", *words[1:]], line)
        except ToolError as error:
            return f"{error.message}\n  {error.hint}" if error.hint else error.message
        except ValueError as error:
            return f"{line!r}: {error}"

    def next(self, line: str) -> list[str]:
        """All lines that this one may become, by one more word."""
        words = line.split(" ")
        begun, last = words[:-1], words[-1]
        return [
            " ".join([*begun, choice])
            for choice in self._choices(begun, last)
            if choice.startswith(last)
        ]

    def _choices(self, words: list[str], last: str) -> list[str]:
        parts = self._stage.parts
        inputs = [name for name, part in parts.items() if part.is_input]
        if not words:
            dotted = [f"{name}.{each}" for name, part in parts.items() for each in part.quantities]
            return [*self._verbs, *self._texts, *dotted, *inputs, *self._outputs()]
        after: dict[str, list[str]] = {
            "wifi": ["off", "on"],
            "broker": ["kill", "start", "hang", "resume"],
            "power": ["cut", "off", "on"],
            "config": ["edit", "show"],
            "help": [*self._verbs],
            "parts": list(parts),
            "press": inputs,
            "toggle": inputs,
            "turn": [name for name, part in parts.items() if part.driver == ENCODER],
            "send": list(COMMANDS),
            "fault": [name for name, part in parts.items() if part.faults],
        }
        if len(words) == 1 and words[0] in after:
            return after[words[0]]
        if len(words) == 2 and words[0] == "fault" and words[1] in parts:
            return [shlex.quote(each) for each in (*parts[words[1]].faults, "none")]
        if len(words) == 2 and words[:2] == ["send", "read"]:
            return [name for name, part in parts.items() if part.model is None]
        if len(words) == 1 and words[0] in self._outputs():
            return [*_settings(parts[words[0]])]
        if len(words) == 1 and words[0].partition(".")[0] in parts:
            return [*SHAPES, "csv"]
        if len(words) == 2 and words[1] == "csv":
            return _files(last)
        if len(words) == 3 and words[1] == "csv":
            with suppress(OSError):
                return [shlex.quote(each) for each in columns(words[2])]
        return []

    def _outputs(self) -> list[str]:
        return [name for name, part in self._stage.parts.items() if part.driver in OUTPUTS]

    # --- the verbs

    def _help(self, words: list[str]) -> str:
        about = words[0].lower() if words else ""
        lines = self._help_lines
        found = [each for each in lines if about in each.usage.split()[:1] or not about]
        found = found or [each for each in lines if about in f"{each.usage} {each.what}"]
        found = found or [*lines]
        width = max(len(each.usage) for each in found)
        return "\n".join(f"{each.usage:{width}}  {each.what}" for each in found)

    def _press(self, words: list[str]) -> str:
        part = self._input(words)
        ms = _number(words[1], "press door 800") if len(words) > 1 else 100
        if not 1 <= ms <= MOST_MS:
            raise ToolError(f"{ms:g} ms is wrong", f"press {part.name} MS, 1 to {MOST_MS}")
        pin = part.pins["pin"]
        threading.Thread(target=self._stage.bench.press, args=(pin, int(ms)), daemon=True).start()
        return f"{part.name} pressed for {ms:g} ms"

    def _toggle(self, words: list[str]) -> str:
        part = self._input(words)
        return self._level(part, 1 - self._stage.bench.world.level(part.pins["pin"]))

    def _turn(self, words: list[str]) -> str:
        able = [name for name, each in self._stage.parts.items() if each.driver == ENCODER]
        part = self._part(words[0] if words else "", able)
        if part.driver != ENCODER:
            raise ToolError(
                f"{part.name} is not a rotary encoder", f"there are: {', '.join(able) or 'none'}"
            )
        clicks = int(_number(words[1] if len(words) > 1 else "1", f"turn {part.name} 3"))
        if not 1 <= abs(clicks) <= MOST_CLICKS:
            raise ToolError(
                f"{clicks} clicks are wrong", f"turn {part.name} 3, at most {MOST_CLICKS}"
            )
        steps = next(
            each.get("steps", 4)
            for each in self._stage.config["sensors"]
            if each.get("name") == part.name
        )
        bench, pins = self._stage.bench, (part.pins["pin"], part.pins["pin_b"])
        for _ in range(abs(clicks) * steps):
            a, b = map(bench.world.level, pins)
            # Forward, contact a changes while both are the same, and b while they differ.
            changes = 0 if (a == b) == (clicks > 0) else 1
            bench.set_pin(pins[changes], 1 - (a, b)[changes])
            time.sleep(STEP_S)
        return f"{part.name} turned by {clicks}"

    def _level(self, part: Part, level: int) -> str:
        self._stage.bench.set_pin(part.pins["pin"], level)
        return f"{part.name}: its pin is {'high' if level else 'low'}"

    def _input(self, words: list[str]) -> Part:
        inputs = [name for name, each in self._stage.parts.items() if each.is_input]
        part = self._part(words[0] if words else "", inputs)
        if not part.is_input:
            raise ToolError(
                f"{part.name} is not a button or contact",
                f"there are: {', '.join(inputs) or 'none'}",
            )
        return part

    def _part(self, name: str, able: Iterable[str] | None = None) -> Part:
        """The part of that name; `able`: those that can do what is wanted, all if not given."""
        if name and (found := _meant(name, self._stage.parts)) in self._stage.parts:
            return self._stage.parts[found]
        known = ", ".join(self._stage.parts if able is None else able) or "none"
        raise ToolError(
            f"there is no sensor {name!r}" if name else "which sensor?", f"there are: {known}"
        )

    def _set(self, words: list[str], line: str) -> str:
        name, _, quantity = words[0].partition(".")
        part = self._stage.parts[name]
        if len(words) == 1:
            return self._about(part)
        if part.driver in OUTPUTS:
            return self._switch(part, line.split(maxsplit=1)[1])
        if not quantity and words[1].lower() in part.quantities:  # air temperature 31
            return self._set([f"{name}.{words[1]}", *words[2:]], line)
        if part.is_input:
            if (level := LEVELS.get(words[1].lower())) is None:
                raise ToolError(
                    f"{words[1]!r} is not a level",
                    f"{name} 0, {name} 1, toggle {name} or press {name}",
                )
            return self._level(part, level)
        quantity = part.quantity(quantity.lower())
        how = words[1].lower()
        if how == "csv":
            return self._recording(part, quantity, words[2:])
        if how in SHAPES:
            return self._wave(part, quantity, [how, *words[2:]])
        value = _number(words[1], f"{words[0]} 21.5, or {words[0]} sine 10 30 20")
        part.set(self._stage.bench.world, quantity, value)
        return f"{name}.{quantity} is {value:g}"

    def _wave(self, part: Part, quantity: str, words: list[str]) -> str:
        how = f"{part.name}.{quantity} {words[0]} LOW HIGH [SECONDS]"
        if len(words) < 3:
            raise ToolError("low and high are missing", how)
        low, high, seconds = (*(_number(each, how) for each in words[1:4]), 60.0)[:3]
        if seconds <= 0:
            raise ToolError(f"{seconds:g} s is too short", how)
        wave = {"model": "waveform", "shape": words[0], "period_s": seconds}
        wave |= {"low_v": low, "high_v": high}
        part.follow(self._stage.bench.world, quantity, source(wave))
        return f"{part.name}.{quantity} goes from {low:g} to {high:g} in {seconds:g} s"

    def _recording(self, part: Part, quantity: str, words: list[str]) -> str:
        how = f"{part.name}.{quantity} csv FILE COLUMN [ROWS A SECOND]"
        if not words:
            raise ToolError("the file is missing", how)
        try:
            there = columns(words[0])
            if len(words) < 2 or words[1] not in there:
                what = f"no column {words[1]!r}" if len(words) > 1 else "the column is missing"
                raise ToolError(
                    f"{words[0]}: {what}", f"there are: {', '.join(there) or 'none'}\n  {how}"
                )
            rate = _number(words[2], how) if len(words) > 2 else 1.0
            if rate <= 0:
                raise ToolError(f"{rate:g} rows a second are too few", how)
            recording = {"model": "csv", "file": words[0], "column": words[1], "rate": rate}
            part.follow(self._stage.bench.world, quantity, source(recording))
        except OSError as error:
            raise ToolError(f"{words[0]}: {error.strerror}", how) from error
        return f"{part.name}.{quantity} follows {words[0]}"

    def _switch(self, part: Part, text: str) -> str:
        said: Any = OUTPUTS[part.driver].get(text.lower())
        if said is None:
            try:
                said = json.loads(text)
            except ValueError:
                raise ToolError(f"{text!r} is not a value", _ways(part)) from None
        return self._stage.send("set", json.dumps({"output": part.name, "value": said}))

    def _fault(self, words: list[str]) -> str:
        able = [name for name, each in self._stage.parts.items() if each.faults]
        part = self._part(words[0] if words else "", able)
        if len(words) == 1:
            return f"faults of {part.name}: {', '.join(part.faults) or 'there are none'}"
        fault = " ".join(words[1:]).lower()
        if not part.faults:
            raise ToolError(
                f"{part.name} has no faults to choose from",
                f"these have: {', '.join(able) or 'none'}",
            )
        part.fail("" if fault == "none" else fault)
        seen = "; the node sees that at power-on: type power cut" if fault == WRONG_PART else ""
        return f"{part.name}: {fault}{seen}"

    def _wifi(self, words: list[str]) -> str:
        on = _one_of(words, "wifi", ("off", "on")) == "on"
        self._stage.bench.world.set_wifi(on)
        return f"the Wi-Fi is {'back' if on else 'out of reach'}"

    def _broker(self, words: list[str]) -> str:
        what = _one_of(words, "broker", ("kill", "start", "hang", "resume"))
        stage, broker = self._stage, self._stage.broker
        if what == "start" and broker.running:
            return "the broker already runs" + ("; type: broker resume" if stage.hangs else "")
        if what != "start" and not broker.running:
            raise ToolError("the broker is stopped", "type: broker start")
        if what == "kill":
            stage.bench.relay_refuse()
            stage.bench.relay_cut()
            broker.kill()
            stage.hangs = False
            return "the broker is killed; broker start brings it back"
        if what == "start":
            broker.start()
            stage.bench.relay_accept()
            return "the broker runs again"
        stage.hangs = what == "hang"
        (broker.suspend if stage.hangs else broker.resume)()
        if stage.hangs:
            return (
                "the broker hangs: connections stay open, nothing answers; broker resume ends it"
            )
        return "the broker answers again"

    def _power(self, words: list[str]) -> str:
        what = _one_of(words, "power", ("cut", "off", "on"))
        bench = self._stage.bench
        if what != "cut" and bench.powered == (what == "on"):
            return f"the power is already {what}"
        {"cut": bench.power_cut, "off": bench.power_off, "on": bench.power_on}[what]()
        return "the power was cut for a moment" if what == "cut" else f"the power is {what}"

    def _reset(self, words: list[str]) -> str:
        if not self._stage.bench.powered:
            raise ToolError("the board has no power", "type: power on")
        self._stage.bench.reset()
        return "the reset button was pressed"

    def _send(self, words: list[str]) -> str:
        if not words:
            raise ToolError("which command?", f"there are: {', '.join(COMMANDS)}")
        command, payload = words[0].lower(), " ".join(words[1:])
        if command in TAKE_JSON:
            try:
                json.loads(payload)
            except ValueError:
                raise ToolError(
                    f"{command} takes JSON, and {payload!r} is none", TAKE_JSON[command]
                ) from None
        return self._stage.send(command, payload)

    def _parts(self, words: list[str]) -> str:
        some = [self._part(words[0])] if words else self._stage.parts.values()
        return "\n".join(map(self._about, some)) or "no sensors"

    def _about(self, part: Part) -> str:
        pins = ", ".join(f"{role} {pin}" for role, pin in part.pins.items())
        can = ", ".join(
            f"{part.name}.{each} {part.value(each):g}"
            + (" (follows)" if each in part.followed else "")
            for each in part.quantities
        )
        if part.is_input:
            can = f"press {part.name}, {part.name} 0, {part.name} 1"
            if part.driver == ENCODER:
                can = f"turn {part.name} 3, turn {part.name} -3"
        elif part.driver in OUTPUTS:
            can = _ways(part)
        fault = f"; fault: {part.fault}" if part.fault else ""
        return f"{part.name}: {part.driver} at {pins}; {can}{fault}"

    def _config(self, words: list[str]) -> str:
        if words and words != ["show"]:
            raise ToolError(
                "config edit needs the screen" if words == ["edit"] else "config what?",
                "type config to see it",
            )
        return json.dumps(self._stage.config, indent=2)

    def _quit(self, words: list[str]) -> str:
        raise Quit


def _settings(part: Part) -> list[str]:
    """What an output can be set to, as it is typed."""
    words = [each for each in OUTPUTS[part.driver] if each.isalpha()]
    return [*words, EXAMPLES[part.driver]] if part.driver in EXAMPLES else words


def _ways(part: Part) -> str:
    return ", ".join(f"{part.name} {each}" for each in _settings(part))


def _one_of(words: list[str], verb: str, choices: tuple[str, ...]) -> str:
    if len(words) == 1 and words[0].lower() in choices:
        return words[0].lower()
    raise ToolError(f"{verb} what?", f"{verb} {', '.join(choices)}")


def _plainer(line: str, known: Iterable[str]) -> str:
    """The line as the prompt knows it: "air 5" for "set air 5" and "air = 5"."""
    if "set" not in known:
        line = re.sub(r"^\s*set\s+", "", line, flags=re.I)
    return re.sub(r"^(\s*[\w.-]+)\s*=\s*", r"\1 ", line)


def _meant(word: str, known: Iterable[str]) -> str:
    """The name that a word is, in any case, or the only one that it begins; else the word."""
    if word in known:
        return word
    word = ALIASES.get(word.lower(), word)
    if word in known:
        return word
    begun = [name for name in known if name.lower().startswith(word.lower())]
    whole = [name for name in begun if len(name) == len(word)]
    found = whole or begun
    return found[0] if len(found) == 1 else word


def _try(word: str, known: Iterable[str]) -> str:
    """What somebody may have wanted to type."""
    begun = sorted(name for name in known if name.lower().startswith(word.lower()))
    if near := begun or difflib.get_close_matches(word.lower(), known):
        return f"did you mean {' or '.join(near)}?"
    return "type help"


def _number(text: str, example: str) -> float:
    """A number, which may have its unit behind it."""
    number = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)[^\d.,]*", text)
    value = float(number[1]) if number else math.nan
    if not math.isfinite(value):
        raise ToolError(f"{text!r} is not a number", example)
    return value


def _files(begun: str) -> list[str]:
    """CSV files and folders that a path may become."""
    folder = Path(begun if begun.endswith("/") else Path(begun).parent)
    try:
        found = [each for each in folder.iterdir() if each.is_dir() or each.suffix == ".csv"]
    except OSError:
        return []
    lead = "" if folder == Path() else f"{folder}/".replace("//", "/")
    return sorted(f"{lead}{each.name}{'/' if each.is_dir() else ''}" for each in found
                  if not each.name.startswith("."))  # fmt: skip
