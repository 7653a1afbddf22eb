"""The long form of test_trial.py: `make soak-backend`.

With each database the collector is killed 50 times and the broker 20 times, at random moments and
in random order; the disk under the database is full once (where a small disk may be mounted: that
needs root), and PostgreSQL is gone for a minute once. All the while a fleet publishes, with
troubles of its own. In the end each reading has to be there once.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import click

from host_tests.backend.postgres import Postgres
from host_tests.backend.trial import Accounts, Trial
from tools import cli
from tools.shared.errors import ToolError

GONE_S = 60.0
DISK_MB = 512
KINDS = ("SQLite", "PostgreSQL")


@click.command()
@click.option("--kills", default=50, show_default=True, help="of the collector")
@click.option("--broker-kills", default=20, show_default=True, help="of the broker")
@click.option("--nodes", default=100, show_default=True, help="how many publish")
@click.option("--rate", default=500.0, show_default=True, help="readings/s")
@click.option("--seed", default=1, show_default=True, help="which order of the kills")
@click.option("--only", type=click.Choice(KINDS), help="one database instead of both")
@click.option("--gone", default=GONE_S, show_default=True, help="seconds without PostgreSQL")
def command(
    kills: int,
    broker_kills: int,
    nodes: int,
    rate: float,
    seed: int,
    only: str | None,
    gone: float,
) -> None:
    """Kill the collector, the broker and the database, and count what is stored."""
    good = True
    for kind in [only] if only else KINDS:
        faults = ["collector"] * kills + ["broker"] * broker_kills + ["disk full"]
        faults += ["database gone"] if kind == "PostgreSQL" else []
        random.Random(seed).shuffle(faults)
        began = time.monotonic()
        accounts, left_out = _run(kind, faults, nodes, rate, seed, gone)
        good &= accounts.good
        print(
            f"{kind}: {kills} kills of the collector, {broker_kills} of the broker"
            f"{left_out}, {time.monotonic() - began:.0f} s: {accounts.accepted} readings,"
            f" {accounts.stored} stored, {accounts.missing} missing, {accounts.doubled} doubled",
            flush=True,
        )
    if not good:
        raise ToolError("the accounts don't balance", "See above what is missing or doubled.")


def _run(
    kind: str, faults: list[str], nodes: int, rate: float, seed: int, gone: float
) -> tuple[Accounts, str]:
    """Run one database through all faults; returns the accounts, and what couldn't be tried."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="petrel-soak-")))
        folder.chmod(0o755)  # root runs PostgreSQL as somebody else
        disk = stack.enter_context(_small_disk(folder))
        server = None
        url = f"sqlite:///{disk or folder}/x.db"
        about = "" if disk else ", no full disk (only root can mount a small one)"
        if kind == "PostgreSQL":
            server = stack.enter_context(Postgres(disk))
            url = server.new_database()
            about += f", {gone:.0f} s without the database"
        trial = stack.enter_context(Trial(folder, url, nodes, rate))
        for fault in _at_moments(trial, kind, faults, seed):
            if fault == "disk full":
                if disk:
                    _fill(trial, disk, server)
            elif fault == "database gone":
                assert server
                server.kill()
                time.sleep(gone)  # how long it is gone is what is tried
                server.start()
            else:
                _kill(trial, fault)
        return trial.settle(), about


def _at_moments(trial: Trial, kind: str, faults: list[str], seed: int) -> Iterator[str]:
    """The faults, each at a random moment while readings are stored."""
    moments = random.Random(seed)
    for number, fault in enumerate(faults, 1):
        if sys.stdout.isatty() or number % 10 == 1:
            print(f"{kind}: fault {number} of {len(faults)}: {fault}", flush=True)
        trial.wait_for_more(50)
        time.sleep(2 * moments.random())  # no event: a fault may come at any moment
        yield fault


def _kill(trial: Trial, fault: str) -> None:
    if fault == "broker":
        trial.kill_broker()
    else:
        trial.kill_collector()
        trial.start_collector()


def _fill(trial: Trial, disk: Path, server: Postgres | None) -> None:
    """Fill the disk until the collector says that it can't store, then make room."""
    before = trial.log.count("can't store")
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:

        def is_noticed() -> bool:
            with suppress(OSError):
                while True:
                    file.write(bytes(100_000))
            return trial.log.count("can't store") > before

        trial.wait(is_noticed, "nobody notices")
    trial.wait_for_nodes(2000)
    filler.unlink()

    def answers() -> bool:
        if server and not server.alive:
            server.start()  # PostgreSQL ends when it can't write its log
        return trial.stored >= 0

    trial.wait(answers, "the database doesn't come back")


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own; None where it can't be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "petrel-soak", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


if __name__ == "__main__":
    sys.exit(cli.run(command, "make soak-backend"))
