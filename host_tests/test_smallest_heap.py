"""tools.lab.bench.smallest: from which size on everything works, where that is not monotonic."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from tools.lab.bench.smallest import REACH, STEP, smallest


def by_definition(works: Callable[[int], bool], low: int, high: int) -> int | None:
    """The same, by trying everything."""
    sizes = range(low + STEP, high + 1, STEP)
    return next(
        (size for size in sizes if all(map(works, range(size, size + REACH + 1, STEP)))), None
    )


def test_a_limit_is_found() -> None:
    assert smallest(lambda size: size >= 5000, 1024, 65_536) == 5024


def test_a_size_that_works_below_ones_that_do_not_is_no_answer() -> None:
    """15,328 works, 15,552 does not: so it was from a ROMFS, and a bisection never saw it."""

    def works(size: int) -> bool:
        return size >= 15_328 and size != 15_552

    assert smallest(works, 1024, 65_536) == 15_552 + STEP


def test_a_failure_farther_than_the_reach_does_not_count() -> None:
    def works(size: int) -> bool:
        return size >= 8192 and size != 8192 + REACH + STEP

    assert smallest(works, 1024, 65_536) == 8192


def test_a_failure_at_the_end_of_the_reach_counts() -> None:
    def works(size: int) -> bool:
        return size >= 8192 and size != 8192 + REACH

    assert smallest(works, 1024, 65_536) == 8192 + REACH + STEP


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_it_is_what_trying_everything_finds(seed: int, at_once: int) -> None:
    """Holes that look random, ever fewer of them the larger the size."""

    def works(size: int) -> bool:
        return hash((seed, size)) % 20_000 < size

    assert smallest(works, 1024, 32_768, at_once) == by_definition(works, 1024, 32_768)


def test_nothing_that_works_is_said() -> None:
    assert smallest(lambda size: False, 1024, 16_384) is None


def test_no_size_is_tried_twice_and_few_below_the_answer() -> None:
    tried: Counter[int] = Counter()
    lock = threading.Lock()

    def works(size: int) -> bool:
        with lock:
            tried[size] += 1
        return size >= 30_000

    assert smallest(works, 1024, 65_536, at_once=2) == 30_016
    assert set(tried.values()) == {1}
    assert sum(size < 30_000 for size in tried) <= 2 * (30_000 // REACH + 1)
