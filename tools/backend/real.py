"""Real nodes for a fleet: Petrel itself, in MicroPython on simulated boards."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.make.package import build
from tools.play.sim import Bench
from tools.play.sim.bench import WIFI
from tools.shared.errors import ToolError
from tools.talk.connection import Address

PARTS = {
    "adc:34": {"model": "waveform", "period_s": 300, "low_v": 0.5, "high_v": 2.5},
    "adc:35": {"model": "waveform", "period_s": 60, "low_v": 0.62, "high_v": 0.68},
}
LEAST_S = 0.1  # the shortest interval of a sensor


@contextlib.contextmanager
def running(
    count: int, brokers: Sequence[Address], base: str, interval: float
) -> Iterator[list[Bench]]:
    """So many nodes, switched on; they are gone afterwards. Raises ToolError.

    brokers: where they connect to: the first that answers
    """
    if any(broker.context for broker in brokers):
        raise ToolError("--real: these nodes don't speak TLS", "Use a broker without TLS.")
    mqtt: dict[str, object] = {"host": [f"{each.host}:{each.port}" for each in brokers]}
    if brokers[0].user:
        mqtt |= {"user": brokers[0].user, "password": brokers[0].password()}
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="petrel-fleet-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        files = build("UNIX")
        benches = []
        for number in range(count):
            flash = folder / f"real{number:03}"
            shutil.copytree(files, flash)
            config = _config(flash.name, mqtt, base, interval)
            (flash / "config.json").write_text(json.dumps(config))
            bench = stack.enter_context(Bench(flash, parts=PARTS, wifi=WIFI))
            bench.power_on()
            benches.append(bench)
        yield benches


def _config(name: str, mqtt: dict[str, object], base: str, interval: float) -> dict[str, object]:
    every = max(LEAST_S, interval)
    return {
        "node": name,
        "base": base,
        "wifi": WIFI,
        "mqtt": mqtt,
        "ntp": "",  # the simulated board has this computer's clock
        "queue": 200,
        "sensors": [
            {"name": "soil", "driver": "analog", "pin": 34, "interval": every, "unit": "V"},
            {"name": "air", "driver": "analog", "pin": 35, "interval": every, "unit": "C",
             "scale": 100.0, "offset": -50.0, "decimals": 1},
        ],
    }  # fmt: skip
