"""The smallest size from which everything works, where whether it works is not monotonic.

A heap of 15,328 bytes may do and one of 15,552 may not: what decides is how the pieces fall, not
their sum. So one size that works says little. The answer is the smallest size from which all sizes
of the next REACH bytes work as well: below it, no run of sizes that work is as long as that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

STEP = 32  # bytes between two sizes that are told apart
REACH = 2048


def smallest(
    works: Callable[[int], bool], low: int, high: int, at_once: int = 1, step: int = STEP
) -> int | None:
    """The smallest multiple of `step` above `low` from which all sizes of the next REACH bytes
    work; None if there is none up to `high`.

    works: asked from several threads, never twice of one size
    low: a size that is too small
    at_once: how many sizes to try at the same time
    """
    failed = low // step
    reach = REACH // step
    good: set[int] = set()

    def sizes_from(top: int) -> Iterable[int]:
        return (each for each in range(top, failed, -1) if each not in good)

    with ThreadPoolExecutor(at_once) as pool:
        while (top := failed + 1 + reach) * step <= high + REACH:
            # From the top down: the first size that fails rules out all that are below it.
            for some in _batches(sizes_from(top), at_once):
                results = dict(zip(some, pool.map(lambda n: works(n * step), some), strict=True))
                good |= {each for each, worked in results.items() if worked}
                if bad := results.keys() - good:
                    failed = max(bad)
                    break
            else:
                return (failed + 1) * step
    return None


def _batches(sizes: Iterable[int], number: int) -> Iterator[list[int]]:
    rest = iter(sizes)
    while batch := list(islice(rest, number)):
        yield batch
