"""A broker restarts, and all its clients come back: spread out, or all at once.

`arrivals` simulates the pauses of mqtt.link (full jitter: anything from 0 up to a limit that
doubles) for any number of clients against a broker that accepts so many connections a second. The
test beside it holds real clients to the same figures. `python -m host_tests.faults.storm` prints
the table and the histogram of docs/storm.md.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable

import click

FIRST_MS, LONGEST_MS = 1000, 15_000
Pause = Callable[[random.Random, int], float]


def with_jitter(draw: random.Random, attempt: int) -> float:
    """The pause in ms before attempt number `attempt` (1, 2...), as mqtt.link makes it."""
    return draw.randrange(min(LONGEST_MS, FIRST_MS << min(attempt - 1, 10)))


def without_jitter(draw: random.Random, attempt: int) -> float:
    """The same backoff, and every client waits exactly as long."""
    return min(LONGEST_MS, FIRST_MS << min(attempt - 1, 10))


def arrivals(
    clients: int, outage_s: float, rate: int, pause: Pause, seed: int = 1
) -> tuple[list[int], float, int]:
    """Simulate a restart; returns (attempts in each second, s until all are in, attempts in all).

    clients: how many there are, all of which notice at 0; outage_s: when the broker answers again
    rate: connections it takes in a second; what comes beyond fails, and is tried again
    """
    draw = random.Random(seed)
    waiting: list[tuple[float, int, int]] = []
    for client in range(clients):
        heapq.heappush(waiting, (pause(draw, 1), client, 1))
    seconds: Counter[int] = Counter()
    taken: Counter[int] = Counter()
    attempts = 0
    last = 0.0
    while waiting:
        at, client, attempt = heapq.heappop(waiting)
        attempts += 1
        second = int(at // 1000)
        seconds[second] += 1
        if at >= outage_s * 1000 and taken[second] < rate:
            taken[second] += 1
            last = at / 1000
        else:
            heapq.heappush(waiting, (at + 1 + pause(draw, attempt + 1), client, attempt + 1))
    return [seconds[i] for i in range(max(seconds) + 1)], last, attempts


def histogram(counts: list[int], width: int = 50) -> str:
    """Lines of a bar for each second."""
    most = max(counts)
    return "\n".join(
        f"{second:4d} s {count:7d} {'#' * round(count / most * width)}".rstrip()
        for second, count in enumerate(counts)
    )


@click.command()
@click.option("--clients", default=100_000, show_default=True)
@click.option("--outage", default=20.0, show_default=True, help="s until the broker is back")
@click.option("--rate", default=5000, show_default=True, help="connections it takes in a second")
def command(clients: int, outage: float, rate: int) -> None:
    """Simulate a restart, with jitter and without."""
    for name, pause in (("with jitter", with_jitter), ("without", without_jitter)):
        counts, last, attempts = arrivals(clients, outage, rate, pause)
        most = max(counts[int(outage) :])
        click.echo(f"{name}: at most {most} attempts in a second, all in after {last:.0f} s,")
        click.echo(f"  {attempts} attempts in all")
        click.echo(histogram(counts))


if __name__ == "__main__":
    command()
