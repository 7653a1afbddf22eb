"""Collects host_tests/device/test_*.py: each function is a test, once for each interpreter.

A file runs in one process for each interpreter. A line "# heap: 64K" among its first gives it
another heap than a board's; "# port" lets it import what a board's firmware has built in; with
"# apart" each function has a process of its own, so that workers share the work.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.interpreter import (
    WIDTHS,
    compiled_port,
    compiled_recovery,
    compiled_stage,
    compiled_tests,
    interpreter,
)

RUNNER = Path(__file__).parent / "inside" / "run_device.py"
# More than the longest takes on a machine with much else to do.
TIMEOUT_S = 3600 if os.environ.get("PETREL_EACH_CUT") else 180


class DeviceFailure(Exception):
    """A test failed inside MicroPython; the text is its traceback there."""


class DeviceFile(pytest.File):
    """A file of tests that run inside MicroPython."""

    def collect(self) -> Iterator[pytest.Item]:
        source = self.path.read_text()
        head = "\n".join(source.splitlines()[:5])
        heap = re.search(r"^# heap: (\d+K)", head, re.M)
        names = [
            node.name
            for node in ast.parse(source).body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.name.startswith("test_")
        ]
        apart = "\n# apart" in "\n" + head
        for bits in WIDTHS:
            for own in [[name] for name in names] if apart else [names]:
                run = DeviceRun(self.path, bits, own, heap and heap[1], "\n# port" in "\n" + head)
                for name in own:
                    yield DeviceTest.from_parent(
                        self, name=f"{name}[{bits}]", run=run, function=name
                    )


class DeviceRun:
    """The run of one file in one interpreter; started when its first result is asked for."""

    def __init__(
        self, path: Path, bits: str, names: list[str], heap: str | None, port: bool
    ) -> None:
        self.path = path
        self.bits = bits
        self.names = names
        self.heap = heap
        self.port = port
        self._results: dict[str, str] | None = None

    def result(self, name: str) -> str:
        """The traceback of one function, empty if it passed."""
        if self._results is None:
            self._results = self._run()
        return self._results.get(name, f"did not report: {self._results['']}")

    def _run(self) -> dict[str, str]:
        path = [compiled_tests(self.path.parent)]
        if self.port:
            path += [compiled_port(), compiled_recovery(), compiled_stage()]
        machine = interpreter(self.bits)
        try:
            done = machine.run(
                RUNNER, self.path.stem, *self.names, heap=self.heap, path=path, timeout=TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            out = error.stdout or b""
            text = out.decode() if isinstance(out, bytes) else out
            return {"": f"no end after {TIMEOUT_S} s", **_parse(text)}
        why = f"exit status {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
        return {"": why, **_parse(done.stdout)}


def _parse(output: str) -> dict[str, str]:
    results: dict[str, str] = {}
    name = ""
    for line in output.splitlines():
        if line.startswith(("PASS ", "FAIL ")):
            name = line[5:]
            results[name] = "" if line.startswith("PASS") else "\n"
        elif name and results[name] and line.startswith("    "):
            results[name] += line[4:] + "\n"
    return results


class DeviceTest(pytest.Item):
    """One function in one interpreter."""

    def __init__(self, *, run: DeviceRun, function: str, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._run = run
        self._function = function
        self.add_marker(pytest.mark.timeout(TIMEOUT_S + 20))

    def runtest(self) -> None:
        failure = self._run.result(self._function)
        if failure:
            raise DeviceFailure(failure.strip())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        if isinstance(excinfo.value, DeviceFailure):
            return f"inside MicroPython, {self._run.bits} bit:\n{excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name
