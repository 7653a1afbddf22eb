"""`demo`: half a minute in the life of a greenhouse, on this computer, with a real broker.

The whole node runs on a simulated board. It measures, takes a command, and survives an outage of
the broker without losing a reading. Each step is checked as it is shown.
"""

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

from tools.make.package import build
from tools.play.amqtt import Amqtt
from tools.play.beside import bridge, collector
from tools.play.broker import Broker
from tools.play.sim import Bench
from tools.play.sim.bench import WIFI
from tools.play.subscriber import Subscriber
from tools.shared.paths import MOSQUITTO
from tools.talk.readings import number, parse

NODE = "greenhouse"
BASE = f"petrel/{NODE}"
DOOR = 4
PARTS = {
    "adc:35": {"model": "waveform", "period_s": 60, "low_v": 0.62, "high_v": 0.66},
    "i2c:21,22": {"model": "bme280", "temperature": 24.6, "pressure": 1008.6, "humidity": 58.2},
    "wire:18": {"model": "ds18b20", "temperature": 54.5},
    "wire:26": {"model": "hc-sr04", "distance": 0.4},
}
SENSORS = [
    # a TMP36: 10 mV per degree, 500 mV at 0 degrees
    {"name": "outside", "driver": "analog", "pin": 35, "interval": 3, "unit": "C",
     "scale": 100.0, "offset": -50.0, "decimals": 1},
    {"name": "air", "driver": "bme280", "sda": 21, "scl": 22, "interval": 3},
    {"name": "boiler", "driver": "ds18b20", "pin": 18, "interval": 3},
    {"name": "tank", "driver": "distance", "pin": 25, "echo": 26, "interval": 3},
    {"name": "door", "driver": "digital", "pin": DOOR, "pull": "up", "invert": True},
    {"name": "pump", "driver": "relay", "pin": 13, "most_s": 3},
]  # fmt: skip
READ = ("outside", "air/temperature", "air/pressure", "air/humidity", "boiler", "tank")
STEPS = {
    "connected": "the node is online",
    "readings": "its sensors report: analog, I2C, 1-Wire, ultrasonic",
    "door": "the door opened and closed",
    "command": "the command was answered, and the pump runs",
    "output": "the pump went off by itself, as its config says",
    "outage": "no reading came without a broker, and the node found it again",
    "caught up": "the readings of the outage came late, complete and in order",
}
PAUSE_S = 3  # for those who watch: after each part of the story


class Demo:
    """The steps, and which of them were seen."""

    def __init__(self, seconds: float | None, console: Console, picture: bool = False) -> None:
        self.deadline = time.monotonic() + seconds if seconds else None
        self.pause = 0 if picture or (seconds and seconds < 30) else PAUSE_S
        self.console = console
        self.seen: dict[str, bool] = {}
        self._broker_is_back = 0.0
        self._quiet = False
        self._printing = threading.Lock()
        self._stack = ExitStack()

    def run(self, told: Callable[[], None]) -> bool:
        """Run all, and call `told` at the end of the story; True if every step was seen."""
        with self._stack:
            self._start()
            self._readings()
            self._door()
            self._pump()
            self._outage()
            whole = self._sum_up()
            told()
            if whole:
                self._go_on()
            self._quiet = True
        return whole

    def _say(self, text: str) -> None:
        self.console.print(f"[bold cyan]== {text}[/]", highlight=False)

    def _check(self, step: str, good: bool) -> None:
        self.seen[step] = good
        mark = "[bold green]ok[/]" if good else "[bold red]NOT seen[/]"
        self.console.print(f"   {mark} [bold]{STEPS[step]}[/]", highlight=False)
        if good:
            time.sleep(self.pause)

    def _start(self) -> None:
        self._say("A broker, and a greenhouse with a Petrel node")
        name = "mosquitto" if MOSQUITTO.exists() else "amqtt"
        own = Broker(settings=bridge()) if name == "mosquitto" else Amqtt()
        self.broker = self._stack.enter_context(own)
        self.console.print(f"   {name} at {self.broker.host}:{self.broker.port}", highlight=False)
        if name == "mosquitto" and collector():
            self.console.print("   the collector that runs here shows this node on its page")
        self.watcher = Subscriber(self.broker, show=self._show)
        self._stack.callback(self.watcher.close)
        flash = Path(tempfile.mkdtemp(prefix="petrel-demo-"))
        self._stack.callback(shutil.rmtree, flash, ignore_errors=True)
        shutil.copytree(build("UNIX"), flash, dirs_exist_ok=True)
        self.bench = Bench(
            flash,
            parts=PARTS,
            wifi=WIFI,
            broker=(self.broker.host, self.broker.port),
            echo=lambda line: self._print(f"   [dim]board: {line}[/]"),
        )
        self._stack.enter_context(self.bench)
        config = {
            "node": NODE,
            "wifi": WIFI,
            "mqtt": {"host": "127.0.0.1", "port": self.bench.relay_port},
            "ntp": "",  # the simulated board has this computer's clock
            "sensors": SENSORS,
            "queue": 200,
        }
        (flash / "config.json").write_text(json.dumps(config))
        self.bench.power_on()
        online = (f"{BASE}/status", "online")
        self._check("connected", self.watcher.seen(lambda *m: m == online, 15))

    def _readings(self) -> None:
        self._say("It measures")
        self._check("readings", all(self.watcher.seen(_reading(name), 10) for name in READ))

    def _door(self) -> None:
        self._say("Somebody comes in: the air gets cooler")
        start = len(self.watcher.messages)
        self.bench.world.buses["21,22"].parts[-1].temperature = 23.1  # type: ignore[attr-defined]
        self.bench.press(DOOR, 400)
        opened = self.watcher.seen(_reading("door", 1), 5, start)
        self._check("door", opened and self.watcher.seen(_reading("door", 0), 5, start))

    def _pump(self) -> None:
        self._say("A command: run the pump")
        start = len(self.watcher.messages)
        order = json.dumps({"output": "pump", "value": True})
        self.watcher.publish(f"{BASE}/cmd/set", order)
        reply = f"{BASE}/reply/set"
        answered = self.watcher.seen(lambda t, p: t == reply and parse(p)["ok"], 5, start)
        self._check("command", answered and self.watcher.seen(_reading("pump", 1), 5, start))
        self.bench.world.wires["26"].distance = 0.9
        self._check("output", self.watcher.seen(_reading("pump", 0), 6, start))

    def _outage(self) -> None:
        self._say("The broker is killed; the node goes on measuring")
        start = len(self.bench.lines)
        self.bench.relay_off()
        self.watcher.catch_up()
        before = self.watcher.sequence()
        self.broker.kill()
        self.bench.relay_cut()
        with contextlib.suppress(TimeoutError):
            self.bench.wait_for_line("not connected", 10, start)
        self.bench.press(DOOR, 100)
        time.sleep(3.5)  # the outage itself: each sensor has measured
        silent = self.watcher.sequence() == before
        self._say("The broker is back")
        self._broker_is_back = time.time()
        # The node is kept out until the watcher is back, or what it sends would be seen by nobody.
        self.broker.start()
        self.watcher.wait_subscribed()
        start = len(self.watcher.messages)
        self.bench.relay_on()
        missing = (before[-1] if before else 0) + 1
        late = missing + len(READ) + 1  # the door too, twice
        back = self.watcher.seen(lambda t, p: number(p) >= missing, 20, start)
        self.watcher.seen(lambda t, p: number(p) > late, 10, start)
        self._check("outage", silent and back)
        last, _, whole = self._received()
        self._check("caught up", whole and last > late)

    def _received(self) -> tuple[int, int, bool]:
        """The number of the last reading, how many came twice, and whether none is missing."""
        got = self.watcher.sequence()
        firsts = list(dict.fromkeys(got))
        return len(firsts), len(got) - len(firsts), firsts == list(range(1, len(firsts) + 1))

    def _sum_up(self) -> bool:
        """Says whether all was seen."""
        with self._printing:
            self._quiet = self.deadline is not None and self.deadline < time.monotonic()
        last, again, complete = self._received()
        self.seen["caught up"] = self.seen["caught up"] and complete
        missed = [text for step, text in STEPS.items() if not self.seen.get(step)]
        if missed:
            said = f"[bold red]not seen: {'; '.join(missed)}[/]"
        else:
            said = (
                f"[bold green]Every step was seen. Readings 1 to {last}: none lost, "
                f"{again} sent twice.[/]"
            )
        self.console.print(said, highlight=False)
        return not missed

    def _go_on(self) -> None:
        if self.deadline is None:
            self._say("It goes on until you press Ctrl-C. Next: make play")
            threading.Event().wait()
        elif self.deadline > time.monotonic():
            time.sleep(self.deadline - time.monotonic())

    def _show(self, topic: str, payload: str) -> None:
        """A line for each message but the diagnostics; of a reading its value and its number."""
        if topic.endswith("/diagnostics"):
            return
        said = parse(payload)
        if number(payload):
            value = said["value"]
            shown = f"{value:.1f}" if isinstance(value, float) else str(value)
            shown = f"{shown:>6} {said['unit']:<4} [dim]reading {said['seq']}[/]"
            if said.get("time", self._broker_is_back) < int(self._broker_is_back):
                shown += " [yellow]kept during the outage[/]"
        else:
            shown = payload
        self._print(f"   [green]{topic:<34}[/] {shown}")

    def _print(self, line: str) -> None:
        """What happens meanwhile, until the story is told; called in several threads."""
        with self._printing:
            if not self._quiet:
                self.console.print(line, highlight=False)


def _reading(sensor: str, value: float | None = None) -> Callable[[str, str], bool]:
    def wanted(topic: str, payload: str) -> bool:
        if topic != f"{BASE}/{sensor}":
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
    help="end after so many seconds, with status 0 if every step was seen",
)  # fmt: skip
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="also draw the story, as an SVG file, and end after it",
)
def command(seconds: float | None, picture: Path | None) -> None:
    """A greenhouse on this computer: broker, simulated board, readings, a command, an outage."""
    console = Console(soft_wrap=True, record=picture is not None, width=88 if picture else None)
    if picture:
        picture.parent.mkdir(parents=True, exist_ok=True)
        seconds = seconds or 1
    demo = Demo(seconds, console, picture is not None)

    def told() -> None:
        if picture:
            picture.write_text(_drawn(console))

    with _stoppable(console):
        if not demo.run(told):
            sys.exit(1)


def _drawn(console: Console) -> str:
    """What was printed, as an SVG, without fonts from elsewhere."""
    svg = console.export_svg(title="make demo")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    fonts = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
    return svg.replace("Fira Code, monospace", fonts)
