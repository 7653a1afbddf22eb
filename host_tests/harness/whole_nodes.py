"""Whole nodes in small heaps: does a config run in so many bytes, and how many does it need?

The interpreter is the 32-bit one, the .mpy files are an ESP8266's, the broker is real, and the
hardware is that of host_tests/rom; see host_tests/test_ram.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from host_tests.harness.interpreter import COMPILED
from tools.make.compile import compile_all, modules
from tools.make.package import build
from tools.make.romfs import romfs
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared import boards
from tools.shared.paths import MICROPYTHON, ROOT
from tools.shared.process import popen

BOARD = "ESP8266_GENERIC"
I2C = 1024  # bytes that the stand-in of an I2C bus takes, which a firmware has in its ROM
_SCRIPTS = ROOT / "host_tests" / "scripts"
_AT_ONCE = 24  # they wait more than they work
_START_S = 15
_NEW = "Petrel: config.json is new and good; starting afresh\n"


def stand_ins() -> Path:
    """Compile the stand-ins of modules that a firmware has in its ROM; returns their folder."""
    folder = COMPILED / "rom"
    compile_all(modules(ROOT / "host_tests" / "rom"), folder, boards.load(BOARD).optimise)
    return folder


def image(folder: Path) -> Path:
    """Make a ROMFS in a folder, with all that an ESP8266 gets and the stand-ins; returns it."""
    content = folder / "image"
    shutil.copytree(build(BOARD, quiet=True) / "lib", content)
    for path in stand_ins().glob("*.mpy"):
        shutil.copy(path, content)
    return romfs(content, folder / "rom.img")


class Nodes:
    """A broker, and what a board has on its file system or in its ROM."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        """folder: where the boards' file systems are put."""
        self._folder = folder
        self._broker = broker
        self._rom = stand_ins()
        self._lib = build(BOARD, quiet=True) / "lib"
        self._image = image(folder)
        self._numbers = count()

    def run(
        self, configs: Iterable[tuple[dict[str, Any], int, bool]], thorough: bool = False
    ) -> list[str]:
        """Whether each of (config, heap bytes, from a ROM) works: what failed, or nothing.

        thorough: the rarer commands as well
        """
        numbered = [(f"n{next(self._numbers):03}", *each, thorough) for each in configs]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda each: self._run(*each), numbered))

    def _run(self, name: str, config: dict[str, Any], heap: int, rom: bool, thorough: bool) -> str:
        folder = self._folder / name
        folder.mkdir()
        (folder / "rom").symlink_to(self._rom)
        (folder / "lib").symlink_to(self._lib)
        mqtt = {**config.get("mqtt", {}), "host": self._broker.host, "port": self._broker.port}
        text = json.dumps({**config, "mqtt": mqtt, "node": name})
        (folder / "config.json").write_text(text)
        script = (
            [str(_SCRIPTS / "in_rom.py"), str(self._image)]
            if rom
            else [str(_SCRIPTS / "whole_node.py")]
        )
        command = [str(MICROPYTHON["32"]), "-X", f"heapsize={heap}", *script]
        with Subscriber(self._broker, f"petrel/{name}/#") as seen:
            # The first start checks the config and starts afresh, one more compiles its rules.
            starts = 2 + bool(config.get("rules"))
            for start in range(starts):
                process = popen(
                    command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                )
                fault = ""
                try:
                    if start == starts - 1:
                        self._try(seen, f"petrel/{name}", config["sensors"])
                        if thorough:
                            self._command_all(seen, f"petrel/{name}", config["sensors"][-1])
                    else:
                        process.wait(_START_S)
                except (OSError, TimeoutError, subprocess.TimeoutExpired) as error:
                    fault = str(error)
                process.kill()
                said, _ = process.communicate()
                if fault or "memory" in said or (not start and said != _NEW):
                    return f"start {start + 1}: {fault}: {said}"
        return ""

    def _try(self, seen: Subscriber, topic: str, sensors: list[dict[str, Any]]) -> None:
        """A node's whole life: diagnostics, readings, commands, the next diagnostics."""
        about = seen.wait(f"{topic}/diagnostics", 10)
        if about.get("faults") or about.get("failing") or about["mode"] != "normal":
            raise OSError(f"diagnostics: {about}")
        for sensor in sensors:
            at = len(seen.messages)
            seen.publish(f"{topic}/cmd/read", sensor["name"])
            reply = seen.wait(f"{topic}/reply/read", 10, start=at)
            if not reply["ok"] and "memory" in str(reply):
                raise OSError(f"read: {reply}")
        at = len(seen.messages)
        seen.publish(f"{topic}/cmd/ping", "")
        seen.wait(f"{topic}/reply/ping", 10, start=at)
        seen.wait(f"{topic}/diagnostics", 20, start=at)

    def _command_all(self, seen: Subscriber, topic: str, sensor: dict[str, Any]) -> None:
        """What saves, what tells, and what ends it."""
        orders = {"interval": json.dumps({"sensor": sensor["name"], "seconds": 2})}
        for name in ("interval", "diagnostics", "reboot"):
            at = len(seen.messages)
            seen.publish(f"{topic}/cmd/{name}", orders.get(name, ""))
            reply = seen.wait(f"{topic}/reply/{name}", 10, start=at)
            if not reply["ok"]:
                raise OSError(f"{name}: {reply}")
            if name == "diagnostics":
                seen.wait(f"{topic}/diagnostics", 10, start=at)


@contextmanager
def nodes() -> Iterator[Nodes]:
    """Nodes of a broker of their own, in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="petrel-heap-") as folder, Broker() as broker:
        yield Nodes(Path(folder), broker)
