"""`make interop`: every broker, protocol version and client, paho too; writes docs/interop.md."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterable
from types import FrameType

import click

from host_tests.interop import matrix
from host_tests.interop.bench import Bench
from host_tests.interop.checks import CHECKS
from host_tests.interop.control import CONTROL
from host_tests.interop.device import CLIENTS, PROTOCOLS
from host_tests.interop.verdict import Verdict, judge
from tools import cli
from tools.lab.brokers.aedes import Aedes
from tools.lab.brokers.amqtt import Amqtt
from tools.lab.brokers.base import RealBroker
from tools.lab.brokers.mosquitto import Mosquitto
from tools.lab.brokers.nats import Nats
from tools.lab.brokers.rabbitmq import RabbitMQ3, RabbitMQ4
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

BROKERS: tuple[type[RealBroker], ...] = (Mosquitto, RabbitMQ3, RabbitMQ4, Nats, Aedes, Amqtt)
KNOWN = {kind.__name__.lower(): kind for kind in BROKERS}
MARKS = {"yes": ".", "no": "n", "n/a": "-", "not yet": "?", "FAIL": "F"}
PAGE = ROOT / "docs" / "interop.md"


@click.command()
@click.argument("broker", nargs=-1, type=click.Choice(list(KNOWN), case_sensitive=False))
def command(broker: tuple[str, ...]) -> int:
    """Try both clients with six real brokers, or with one BROKER; write docs/interop.md.

    The first time fetches the brokers. The page is only written by a run with all of them.
    """
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        columns = [run(KNOWN[name]()) for name in broker or KNOWN]
    except KeyboardInterrupt:
        print("\nstopped; nothing was written", file=sys.stderr)
        return 130
    if not broker:
        PAGE.write_text(matrix.text(columns))
        print(f"written: {PAGE.relative_to(ROOT)}")
    return summary(columns)


def run(broker: RealBroker) -> matrix.Column:
    """Set one broker up, start it, and check everything."""
    column = matrix.Column(broker.title)
    print(f"{broker.title}: setting up ... ", end="", flush=True)
    try:
        broker.install()
        column.version = broker.version()
        print(f"{column.version}; starting ... ", end="", flush=True)
        with broker:
            print(f"on port {broker.port}", flush=True)
            for protocol in PROTOCOLS:
                for kind in (CONTROL, *CLIENTS):
                    _run_row(broker, protocol, kind, column)
    except ToolError as error:
        column.missing = error.message
        print(f"\n{'!' * 70}\n{broker.title} CANNOT BE HAD: {error}\n{'!' * 70}", flush=True)
    return column


def _run_row(broker: RealBroker, protocol: str, kind: str, column: matrix.Column) -> None:
    print(f"  MQTT {protocol:5}  {kind:8} ", end="", flush=True)
    row: dict[str, Verdict] = {}
    for check in CHECKS:
        if not broker.running:
            broker.start()
        verdict = judge(check, Bench(broker, kind, protocol))
        row[check.__name__] = verdict
        print(MARKS[verdict.word], end="", flush=True)
    print(f"  {_counted(row.values())}", flush=True)
    for name, verdict in row.items():
        column.verdicts[protocol, name, kind] = verdict
        if verdict.failed:
            print(f"    FAIL  {matrix.title_of(name)}: {verdict.why}", flush=True)


def summary(columns: list[matrix.Column]) -> int:
    """Say what came of all; returns the exit status."""
    pairs = [pair for column in columns for pair in column.verdicts.items()]
    verdicts = [verdict for _, verdict in pairs]
    ours = [verdict for (_, _, kind), verdict in pairs if kind != CONTROL]
    print(f"{len(columns)} brokers, Petrel's clients: {_counted(ours)}")
    missing = [column.name for column in columns if column.missing]
    if missing:
        print(f"error: could not be had: {', '.join(missing)}", file=sys.stderr)
    failed = any(verdict.failed for verdict in verdicts)
    if failed:
        print("error: some checks failed, see FAIL above", file=sys.stderr)
    return 1 if failed or missing else 0


def _counted(verdicts: Iterable[Verdict]) -> str:
    counts = Counter(verdict.word for verdict in verdicts)
    return ", ".join(f"{count} {word}" for word, count in counts.most_common())


def _interrupted(number: int, frame: FrameType | None) -> None:
    """A signal ends the run as Ctrl-C does: brokers and clients are stopped on the way out."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.interop"))
