"""`demo`: the whole node on this computer, against a real broker, through an outage."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from tools.amqtt import Amqtt
from tools.broker import Broker
from tools.build import build
from tools.paths import MOSQUITTO
from tools.sim import Bench
from tools.sim.bench import WIFI
from tools.subscriber import Subscriber, number, parse

NODE = "demo"
PARTS = {
    "adc:34": {"model": "host", "figure": "memory", "scale": 2.5, "offset": 0.3},
    "adc:35": {"model": "waveform", "period_s": 20, "low_v": 0.4, "high_v": 0.9, "noise_v": 0.01},
    "i2c:21,22": {"model": "bme280", "temperature": 22.4, "pressure": 1008.6, "humidity": 48.0},
    "wire:18": {"model": "ds18b20", "temperature": 54.5},
    "wire:26": {"model": "hc-sr04", "distance": 0.83},
}
SENSORS = [
    # 0.3 to 2.8 V stand for 0 to 100 %: an ESP32's ADC does not see all of 0 to 3.3 V
    {"name": "host-memory", "driver": "analog", "pin": 34, "interval": 1, "unit": "%",
     "scale": 40.0, "offset": -12.0, "decimals": 1},
    # a TMP36: 10 mV per degree, 500 mV at 0 degrees
    {"name": "temperature", "driver": "analog", "pin": 35, "interval": 1, "unit": "C",
     "scale": 100.0, "offset": -50.0, "decimals": 1},
    {"name": "air", "driver": "bme280", "sda": 21, "scl": 22, "interval": 2},
    {"name": "boiler", "driver": "ds18b20", "pin": 18, "interval": 2},
    {"name": "tank", "driver": "distance", "pin": 25, "echo": 26, "interval": 2},
    {"name": "button", "driver": "digital", "pin": 4, "pull": "up", "invert": True},
    {"name": "pump", "driver": "relay", "pin": 13, "most_s": 3},
]  # fmt: skip
STEPS = {
    "connected": "the node is online",
    "live": "a live figure of this computer",
    "analog": "a simulated thermometer",
    "i2c": "a simulated BME280 on I2C: temperature, pressure, humidity",
    "wire": "a simulated DS18B20 on 1-Wire",
    "distance": "a simulated ultrasonic sensor",
    "button": "the button, pressed and released",
    "command": "a command, answered",
    "output": "a pump switched on by a command, and off by itself after its longest time",
    "outage": "the broker killed, and started again",
    "caught up": "the readings of the outage, complete and in order",
}


class Demo:
    """The steps, and which of them were seen."""

    def __init__(self, seconds: float | None, console: Console) -> None:
        self.deadline = time.monotonic() + seconds if seconds else None
        self.console = console
        self.seen: dict[str, bool] = {}
        self._stack = ExitStack()

    def run(self) -> bool:
        """Run all; True if every step was seen."""
        with self._stack:
            self._start()
            self._readings()
            self._command()
            self._outage()
            self._go_on()
        return all(self.seen.get(step) for step in STEPS)

    def _say(self, text: str) -> None:
        self.console.print(f"[bold cyan]== {text}[/]")

    def _check(self, step: str, good: bool) -> None:
        self.seen[step] = good
        mark = "[bold green]seen[/]" if good else "[bold red]NOT seen[/]"
        self.console.print(f"[bold]   {mark}[/] {STEPS[step]}")

    def _start(self) -> None:
        self._say("a broker on a free port of this computer")
        name = "mosquitto" if MOSQUITTO.exists() else "amqtt"
        self.broker = self._stack.enter_context(Broker() if name == "mosquitto" else Amqtt())
        self.console.print(f"   {name} at {self.broker.host}:{self.broker.port}")
        self.watcher = Subscriber(self.broker, show=self._show)
        self._stack.callback(self.watcher.close)
        self._say("the node: boot.py, main.py and .mpy files, as a board has them")
        flash = Path(tempfile.mkdtemp(prefix="petrel-demo-"))
        self._stack.callback(shutil.rmtree, flash, ignore_errors=True)
        shutil.copytree(build("UNIX"), flash, dirs_exist_ok=True)
        self.bench = Bench(
            flash,
            parts=PARTS,
            wifi=WIFI,
            broker=(self.broker.host, self.broker.port),
            echo=lambda line: self.console.print(f"   [dim]board: {line}[/]", highlight=False),
        )
        self._stack.enter_context(self.bench)
        config = {
            "node": NODE,
            "wifi": WIFI,
            "mqtt": {"host": "127.0.0.1", "port": self.bench.relay_port},
            "sensors": SENSORS,
            "queue": 200,
        }
        (flash / "config.json").write_text(json.dumps(config))
        self.bench.power_on()
        online = ("petrel/demo/status", "online")
        self._check("connected", self.watcher.seen(lambda *m: m == online, 15))

    def _readings(self) -> None:
        self._say("readings")
        self._check("live", self.watcher.seen(_reading("host-memory"), 10))
        self._check("analog", self.watcher.seen(_reading("temperature"), 10))
        self._check("i2c", self.watcher.seen(_reading("air/humidity"), 10))
        self._check("wire", self.watcher.seen(_reading("boiler", 54.5), 10))
        self._check("distance", self.watcher.seen(_reading("tank"), 10))
        start = len(self.watcher.messages)
        self.bench.press(4, 150)
        down = self.watcher.seen(_reading("button", 1), 5, start)
        self._check("button", down and self.watcher.seen(_reading("button", 0), 5, start))

    def _command(self) -> None:
        self._say('the command "ping"')
        self.watcher.publish(f"petrel/{NODE}/cmd/ping", "")
        reply = f"petrel/{NODE}/reply/ping"
        answered = self.watcher.seen(lambda t, p: t == reply and parse(p)["ok"], 5)
        self._check("command", answered)
        self._say('the command "set": the pump on')
        start = len(self.watcher.messages)
        order = json.dumps({"output": "pump", "value": True})
        self.watcher.publish(f"petrel/{NODE}/cmd/set", order)
        on = self.watcher.seen(_reading("pump", 1), 5, start)
        self._check("output", on and self.watcher.seen(_reading("pump", 0), 6, start))

    def _outage(self) -> None:
        self._say("the broker is killed (SIGKILL); the node goes on measuring")
        start = len(self.bench.lines)
        self.bench.relay_off()
        self.watcher.catch_up()
        before = self.watcher.sequence()
        self.broker.kill()
        self.bench.relay_cut()
        with contextlib.suppress(TimeoutError):
            self.bench.wait_for_line("not connected", 10, start)
        self.bench.press(4, 100)
        time.sleep(2)  # the outage itself
        silent = self.watcher.sequence() == before
        self._say("the broker is started again")
        began = time.monotonic()
        # The node is kept out until the watcher is back, or what it sends would be seen by nobody.
        self.broker.start()
        self.watcher.wait_subscribed()
        start = len(self.watcher.messages)
        self.bench.relay_on()
        missing = (before[-1] if before else 0) + 1
        back = self.watcher.seen(lambda t, p: number(p) >= missing, 20, start)
        self._check("outage", silent and back)
        self.console.print(f"   the first reading after {time.monotonic() - began:.1f} s")
        self.watcher.seen(lambda t, p: number(p) >= missing + 3, 10, start)
        got = self.watcher.sequence()
        firsts = list(dict.fromkeys(got))
        whole = firsts == list(range(1, len(firsts) + 1)) and len(firsts) >= missing + 3
        self._check("caught up", whole)
        again = len(got) - len(firsts)
        self.console.print(f"   readings 1 to {firsts[-1]}: none lost, {again} sent twice")

    def _go_on(self) -> None:
        if self.deadline is None:
            self._say("it goes on until you press Ctrl-C")
            threading.Event().wait()
        elif self.deadline > time.monotonic():
            time.sleep(self.deadline - time.monotonic())

    def _show(self, topic: str, payload: str) -> None:
        self.console.print(f"   [green]{topic}[/] {payload}", highlight=False)


def _reading(sensor: str, value: float | None = None) -> Callable[[str, str], bool]:
    def wanted(topic: str, payload: str) -> bool:
        if topic != f"petrel/{NODE}/{sensor}":
            return False
        return value is None or parse(payload)["value"] == value

    return wanted


@contextlib.contextmanager
def _stoppable(console: Console) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True),
    help="end by itself, with status 0 if every step was seen",
)  # fmt: skip
@click.option("--picture", type=click.Path(path_type=Path), help="also draw it, as an SVG file")
def command(seconds: float | None, picture: Path | None) -> None:
    """Run the node on this computer: broker, simulated board, readings, a command, an outage."""
    console = Console(soft_wrap=True, record=picture is not None, width=110 if picture else None)
    demo = Demo(seconds, console)
    with _stoppable(console):
        whole = demo.run()
        if not whole:
            missed = [text for step, text in STEPS.items() if not demo.seen.get(step)]
            console.print(f"[bold red]not seen: {'; '.join(missed)}[/]")
            sys.exit(1)
        console.print("[bold green]every step was seen[/]")
    if picture:
        svg = console.export_svg(title="make demo")
        # No fonts from elsewhere: whoever looks has a monospaced one.
        picture.write_text(re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.S))
