"""What is typed at the playground's prompt: the commands, their help, and what may come next."""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tools.play.playground.parts import Part
from tools.play.sim.parts import SHAPES, source
from tools.shared.errors import ToolError

if TYPE_CHECKING:
    from tools.play.playground.stage import Stage

COMMANDS = ("ping", "read", "set", "interval", "diagnostics", "reboot")  # of a node


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
    Help("door 1", "hold an input at a level; toggle door changes it"),
    Help("fault air absent", "break a part; fault air lists its faults, fault air none ends it"),
    Help("wifi off", "the Wi-Fi goes out of reach; wifi on"),
    Help("broker kill", "kill the broker; start, hang, resume"),
    Help("power cut", "cut the power for a moment; power off, power on"),
    Help("reset", "press the reset button"),
    Help("send read air", "send the node a command and show its reply"),
    Help("pump on", "switch an output; pump off, fan 40"),
    Help("parts", "the parts, their pins, and what can be set"),
    Help("config", "show the config; config edit changes it and restarts the node"),
    Help("quit", "end; Ctrl-Q as well"),
)  # fmt: skip
OUTPUTS = ("relay", "dimmer", "servo", "pixels", "buzzer")


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

    def run(self, line: str) -> str:
        """Do what a line says; returns what to show. Raises Quit."""
        try:
            words = shlex.split(line)
            if not words:
                return ""
            verb = self._verbs.get(words[0].lower())
            if verb:
                return verb(words[1:])
            return self._set(words)
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
            for choice in self._choices(begun)
            if choice.startswith(last)
        ]

    def _choices(self, words: list[str]) -> list[str]:
        parts = self._stage.parts
        inputs = [name for name, part in parts.items() if part.is_input]
        if not words:
            dotted = [f"{name}.{each}" for name, part in parts.items() for each in part.quantities]
            return [*self._verbs, *dotted, *inputs, *self._outputs()]
        after: dict[str, list[str]] = {
            "wifi": ["off", "on"],
            "broker": ["kill", "start", "hang", "resume"],
            "power": ["cut", "off", "on"],
            "config": ["edit"],
            "press": inputs,
            "toggle": inputs,
            "send": list(COMMANDS),
            "fault": [name for name, part in parts.items() if part.faults],
        }
        if len(words) == 1 and words[0] in after:
            return after[words[0]]
        if len(words) == 2 and words[0] == "fault" and words[1] in parts:
            return [shlex.quote(each) for each in (*parts[words[1]].faults, "none")]
        if len(words) == 2 and words[:2] == ["send", "read"]:
            return list(parts)
        if len(words) == 1 and words[0] in self._outputs():
            return ["on", "off"]
        if len(words) == 1 and words[0].partition(".")[0] in parts:
            return [*SHAPES, "csv"]
        return []

    def _outputs(self) -> list[str]:
        return [name for name, part in self._stage.parts.items() if part.driver in OUTPUTS]

    # --- the verbs

    def _help(self, words: list[str]) -> str:
        width = max(len(each.usage) for each in HELP)
        return "\n".join(f"{each.usage:{width}}  {each.what}" for each in HELP)

    def _press(self, words: list[str]) -> str:
        part = self._input(words)
        ms = int(words[1]) if len(words) > 1 else 100
        pin = part.pins["pin"]
        threading.Thread(target=self._stage.bench.press, args=(pin, ms), daemon=True).start()
        return f"{part.name} pressed for {ms} ms"

    def _toggle(self, words: list[str]) -> str:
        part = self._input(words)
        return self._level(part, 1 - self._stage.bench.world.level(part.pins["pin"]))

    def _level(self, part: Part, level: int) -> str:
        if level not in (0, 1):
            raise ValueError("a level is 0 or 1")
        self._stage.bench.set_pin(part.pins["pin"], level)
        return f"{part.name}: its pin is {'high' if level else 'low'}"

    def _input(self, words: list[str]) -> Part:
        part = self._part(words[0] if words else "")
        if not part.is_input:
            raise ToolError(f"{part.name} is not a button or contact", "try: press door")
        return part

    def _part(self, name: str) -> Part:
        if name in self._stage.parts:
            return self._stage.parts[name]
        known = ", ".join(self._stage.parts) or "none"
        raise ToolError(
            f"there is no sensor {name!r}" if name else "which sensor?", f"there are: {known}"
        )

    def _set(self, words: list[str]) -> str:
        name, _, quantity = words[0].partition(".")
        if name not in self._stage.parts:
            raise ToolError(f"{words[0]!r} is not a command or a sensor", "type help")
        part = self._part(name)
        if part.driver in OUTPUTS:
            return self._switch(part, words[1:])
        if len(words) == 1:
            return self._about(part)
        if part.is_input:
            return self._level(part, int(words[1]))
        quantity = part.quantity(quantity)
        if words[1] == "csv":
            return self._recording(part, quantity, words[2:])
        if words[1] in SHAPES:
            return self._wave(part, quantity, words[1:])
        value = re.match(r"[-+]?[0-9.]+(?:e[-+]?\d+)?", words[1])
        if not value:
            raise ToolError(
                f"{words[1]!r} is not a number", f"{words[0]} 21.5, or {words[0]} sine 10 30 20"
            )
        part.set(self._stage.bench.world, quantity, float(value[0]))
        return f"{name}.{quantity} is {float(value[0]):g}"

    def _wave(self, part: Part, quantity: str, words: list[str]) -> str:
        if len(words) < 3:
            raise ToolError("low and high are missing", f"{part.name} {words[0]} 10 30 20")
        low, high, seconds = (*map(float, words[1:4]), 60.0)[:3]
        wave = {"model": "waveform", "shape": words[0], "period_s": seconds}
        wave |= {"low_v": low, "high_v": high}
        part.follow(self._stage.bench.world, quantity, source(wave))
        return f"{part.name}.{quantity} goes from {low:g} to {high:g} in {seconds:g} s"

    def _recording(self, part: Part, quantity: str, words: list[str]) -> str:
        how = f"{part.name}.{quantity} csv FILE COLUMN [ROWS A SECOND]"
        if len(words) < 2:
            raise ToolError("the file or its column is missing", how)
        rate = float(words[2]) if len(words) > 2 else 1.0
        recording = {"model": "csv", "file": words[0], "column": words[1], "rate": rate}
        try:
            part.follow(self._stage.bench.world, quantity, source(recording))
        except OSError as error:
            raise ToolError(f"{words[0]}: {error.strerror}", how) from error
        return f"{part.name}.{quantity} follows {words[0]}"

    def _switch(self, part: Part, words: list[str]) -> str:
        if not words:
            return self._about(part)
        said = {"on": True, "off": False}.get(words[0].lower(), words[0])
        if isinstance(said, str):
            said = json.loads(said)
        return self._stage.send("set", json.dumps({"output": part.name, "value": said}))

    def _fault(self, words: list[str]) -> str:
        part = self._part(words[0] if words else "")
        if len(words) == 1:
            return f"faults of {part.name}: {', '.join(part.faults) or 'there are none'}"
        fault = " ".join(words[1:])
        if not part.faults:
            raise ToolError(f"{part.name} has no faults to choose from", "try a BME280")
        part.fail("" if fault == "none" else fault)
        return f"{part.name}: {fault}"

    def _wifi(self, words: list[str]) -> str:
        on = _one_of(words, "wifi", ("off", "on")) == "on"
        self._stage.bench.world.set_wifi(on)
        return f"the Wi-Fi is {'back' if on else 'out of reach'}"

    def _broker(self, words: list[str]) -> str:
        what = _one_of(words, "broker", ("kill", "start", "hang", "resume"))
        broker = self._stage.broker
        if what in ("hang", "resume") and not broker.running:
            raise ToolError("the broker is stopped", "type: broker start")
        if what == "kill":
            self._stage.bench.relay_refuse()
            self._stage.bench.relay_cut()
            broker.kill()
        elif what == "start":
            broker.start()
            self._stage.bench.relay_accept()
        else:
            (broker.suspend if what == "hang" else broker.resume)()
        return f"broker: {what}"

    def _power(self, words: list[str]) -> str:
        what = _one_of(words, "power", ("cut", "off", "on"))
        bench = self._stage.bench
        if what == "on" and bench.powered:
            return "the power is already on"
        {"cut": bench.power_cut, "off": bench.power_off, "on": bench.power_on}[what]()
        return f"power {what}"

    def _reset(self, words: list[str]) -> str:
        self._stage.bench.reset()
        return "reset"

    def _send(self, words: list[str]) -> str:
        if not words:
            raise ToolError("which command?", f"there are: {', '.join(COMMANDS)}")
        return self._stage.send(words[0], " ".join(words[1:]))

    def _parts(self, words: list[str]) -> str:
        return "\n".join(map(self._about, self._stage.parts.values())) or "no sensors"

    def _about(self, part: Part) -> str:
        pins = ", ".join(f"{role} {pin}" for role, pin in part.pins.items())
        can = ", ".join(f"{part.name}.{each}" for each in part.quantities)
        if part.is_input:
            can = f"press {part.name}"
        elif part.driver in OUTPUTS:
            can = f"{part.name} on"
        return f"{part.name}: {part.driver} at {pins}; {can}"

    def _config(self, words: list[str]) -> str:
        if words:
            raise ToolError("config edit needs the screen", "type config to see it")
        return json.dumps(self._stage.config, indent=2)

    def _quit(self, words: list[str]) -> str:
        raise Quit


def _one_of(words: list[str], verb: str, choices: tuple[str, ...]) -> str:
    if len(words) == 1 and words[0] in choices:
        return words[0]
    raise ToolError(f"{verb} what?", f"{verb} {', '.join(choices)}")
