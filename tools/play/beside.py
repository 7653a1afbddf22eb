"""The collector that runs beside the demo and the playground, on the same computer.

`collect` announces the broker that it has started. The broker of a demo hands its readings on to
that one, and takes commands from there, so that the collector's page shows the demo's node. A
broker that somebody else has started gets nothing of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.shared.paths import TOOLS

FILE = TOOLS / "collector.json"


@contextmanager
def announced(host: str, port: int, file: Path = FILE) -> Iterator[None]:
    """Say where the collector's own broker is, for as long as it runs."""
    about = json.dumps({"pid": os.getpid(), "host": host, "port": port})
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(about)
    except OSError:  # a checkout that can't be written to
        yield
        return
    try:
        yield
    finally:
        if file.exists() and file.read_text() == about:
            file.unlink()


def collector(file: Path = FILE) -> str:
    """HOST:PORT of the broker of a collector that runs here; empty if none does."""
    try:
        about = json.loads(file.read_text())
        os.kill(about["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"{about['host']}:{about['port']}"


def bridge(base: str = "petrel", file: Path = FILE) -> tuple[str, ...]:
    """Lines for mosquitto.conf that join a broker to the collector's; none if there is none."""
    where = collector(file)
    if not where:
        return ()
    return (
        "connection collector",
        f"address {where}",
        "bridge_protocol_version mqttv311",
        "notifications false",
        "restart_timeout 1",
        f"topic {base}/# out 1",
        f"topic {base}/+/cmd/# in 1",
    )
