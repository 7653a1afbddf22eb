"""`bench`: what Petrel's MQTT clients cost, beside what could be had for nothing.

figures names what is measured, budgets what it shall be. place runs the programs of inside/ (they
run in MicroPython) beside a broker; exact, speed and instructions measure; anatomy says what the
bytes of each module are; report shows.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from tools.lab.bench import anatomy, exact, instructions, report, speed
from tools.lab.bench.figures import CLIENTS, EXACT, KINDS, Figures, Kind, empty
from tools.lab.bench.place import PinnedBroker, Place
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, MICROPYTHON, NO_32, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.play.broker import Broker

RESULT = BUILD / "bench.json"
MODULES = BUILD / "bench_modules.json"
DOCS = ROOT / "docs" / "bench.md"
NOTES = (
    "paho is paho-mqtt on CPython. umqtt.simple is left out: its packages on PyPI "
    "(micropython-umqtt.*) don't install with pip."
)


class Run:
    """One run of the benchmark: the figures as they come, and what is to be said of them."""

    def __init__(
        self,
        place: Place,
        broker: Broker,
        progress: Callable[[str], None],
        detail: Callable[[str], None],
    ) -> None:
        """progress: told of each step of steps(); detail: told of what goes on within one."""
        self.figures: dict[Kind, Figures] = {kind: empty() for kind in KINDS}
        self.anatomies: dict[Kind, anatomy.Anatomy] = {}
        self.paho: dict[str, float] = {}
        self.notes: list[str] = []
        self._place = place
        self._broker = broker
        self._progress = progress
        self._detail = detail

    def exact(self) -> None:
        """Sizes, RAM, heaps, allocations, writes: where there is a 32-bit interpreter."""
        if NO_32.exists():
            self.notes.append(f"There is no 32-bit MicroPython: {NO_32.read_text()}.")
            return
        for kind in KINDS:
            subject = exact.Subject(self._place, self._broker, kind, self._detail)
            for key, measure in exact.MEASURES.items():
                self._progress(f"{kind}: {key}")
                self.figures[kind][key] = measure(subject)
            if kind in CLIENTS:
                self._progress(f"{kind}: modules")
                self.anatomies[kind] = anatomy.examine(self._place, self._broker, subject)

    def instructions(self) -> None:
        """Instructions, where there is a valgrind."""
        try:
            self._progress("valgrind")
            valgrind = instructions.Valgrind()
            for kind in KINDS:
                self._progress(f"{kind}: instructions_qos1")
                self.figures[kind]["instructions_qos1"] = instructions.per_publish(
                    valgrind, self._place, self._broker, kind
                )
        except ToolError as error:
            self.notes.append(f"Instructions were not counted: {error.message}.")

    def speeds(self, rounds: int) -> None:
        """Speeds, the peer's as well."""
        runners: dict[str, speed.Runner] = {kind: partial(self._command, kind) for kind in KINDS}
        runners[report.PAHO] = self._paho
        found = speed.rounds(self._place, self._broker, runners, rounds, self._progress)
        for kind in KINDS:
            self.figures[kind].update(found[kind])
        self.paho = found[report.PAHO]

    def _command(self, kind: Kind, mode: str, count: int) -> list[str]:
        return self._place.command("64", kind.program, mode, self._broker.port, count, "speed")

    def _paho(self, mode: str, count: int) -> list[str]:
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[0] = 'paho_client'; "
        code += "from tools.lab.bench.paho_client import main; main()"
        count //= 5  # CPython's client is slower by as much
        return [sys.executable, "-c", code, mode, str(self._broker.port), str(count)]


def steps(rounds: int) -> int:
    """How often a run shows progress; without rounds it is one of memory alone."""
    memory = len(KINDS) * len(EXACT) + len(CLIENTS)
    if not rounds:
        return memory
    return memory + 1 + len(KINDS) + rounds * len(speed.MODES) * (len(KINDS) + 1)


def measure(rounds: int, console: Console) -> Run:
    """Measure everything; only memory if there are no rounds."""
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress, PinnedBroker() as broker:
        task = progress.add_task("compiling", total=steps(rounds))

        def advance(what: str) -> None:
            progress.update(task, description=what, advance=1)

        def detail(what: str) -> None:
            progress.update(task, description=what)

        run = Run(Place(BUILD / "bench"), broker, advance, detail)
        run.exact()
        if rounds:
            run.instructions()
            run.speeds(rounds)
        return run


def versions(rounds: int) -> str:
    """What was measured with."""
    code = "import sys; print('.'.join(map(str, sys.implementation[1][:3])))"
    found = [
        f"{subprocess.run([path, '-c', code], capture_output=True, text=True).stdout.strip()}"
        f" ({bits} bit: {what})"
        for bits, what in (("32", "memory"), ("64", "speed and instructions"))
        if (path := MICROPYTHON[bits]).exists()
    ]
    said = f"MicroPython {', '.join(found)}; Mosquitto on loopback; 64-byte payloads"
    return f"{said}; medians of {rounds} rounds." if rounds else f"{said}."


@click.command()
@click.option(
    "--rounds", default=5, show_default=True, type=click.IntRange(min=1),
    help="rounds of the speeds",
)  # fmt: skip
@click.option(
    "--memory", is_flag=True, help="only sizes, RAM, heaps and allocations; takes a minute"
)
@click.option("--write", is_flag=True, help="put the tables into docs/bench.md as well")
def command(rounds: int, memory: bool, write: bool) -> None:
    """Measure Petrel's MQTT clients: sizes, RAM, allocations, instructions, speeds.

    The floor is a loop without a client, taken in the same run. For each module that a client
    loads, a second table says what its bytes are. The figures are written to build/bench.json as
    well, and those of the modules, with their names, to build/bench_modules.json. docs/bench.md
    says what they mean.
    """
    if memory and write:
        raise click.UsageError("--write puts all figures into the docs; leave out --memory.")
    rounds = 0 if memory else rounds
    run = measure(rounds, Console(stderr=True))
    notes = " ".join([versions(rounds), *run.notes, NOTES])
    report.write_json(RESULT, run.figures)
    report.write_modules(MODULES, run.anatomies)
    console = Console(width=None if sys.stdout.isatty() else 110)
    for each in report.modules(run.anatomies):
        console.print(each)
    console.print(report.table(run.figures, run.paho, notes))
    console.print(f"written to {RESULT.relative_to(ROOT)}, {MODULES.relative_to(ROOT)}")
    if write:
        report.write_docs(DOCS, report.markdown(run.figures, run.paho, notes))
        report.write_docs(
            DOCS, report.modules_markdown(run.anatomies), report.BEGIN_MODULES, report.END_MODULES
        )
