"""`petrel collect` as a process, as a newcomer starts it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tools.play.broker import free_port
from tools.shared.paths import ROOT
from tools.shared.process import popen

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}


class Collect:
    """The collector in a folder of its own, on free ports; its lines are in `said`."""

    def __init__(self, folder: Path) -> None:
        (folder / "collector.toml").write_text(
            f'[broker]\nhost = "127.0.0.1:{free_port()}"\n\n[web]\nport = 0\n'
        )
        self.folder = folder
        self.said: list[str] = []
        self.process = popen(
            [sys.executable, "-m", "tools", "collect"],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def waits_for(self, pattern: str) -> str:
        """The first group of the next line in which a pattern is found."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError("".join(self.said))

    def query(self, *arguments: str) -> str:
        """What `petrel query` prints in that folder."""
        command = [sys.executable, "-m", "tools", "query", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env={**ENVIRONMENT, "COLUMNS": "150"},
            capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout + done.stderr

    def end(self) -> None:
        """End it as Ctrl-C does."""
        self.process.terminate()
        self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()
