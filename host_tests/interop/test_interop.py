"""The part of `make interop` that takes seconds: brokers that are quickly had, version by version.

A broker that cannot be had here is skipped; `make interop` says so with its exit status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from host_tests.interop.__main__ import BROKERS
from host_tests.interop.bench import Bench
from host_tests.interop.checks import CHECKS
from host_tests.interop.device import CLIENTS, PROTOCOLS
from host_tests.interop.verdict import judge
from tools.lab.brokers.base import RealBroker
from tools.shared.errors import ToolError

QUICK = [kind for kind in BROKERS if kind.quick]


@pytest.fixture(scope="module", params=QUICK, ids=lambda kind: str(kind.title))
def real(request: pytest.FixtureRequest) -> Iterator[RealBroker]:
    """A running broker, one for all checks."""
    broker: RealBroker = request.param()
    try:
        broker.install()
    except ToolError as error:
        pytest.skip(f"{broker.title} cannot be had: {error.message}")
    with broker:
        yield broker


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_as_listed(
    real: RealBroker, protocol: str, kind: str, check: Callable[[Bench], None]
) -> None:
    """It works, or is one of the broker's known limits."""
    verdict = judge(check, Bench(real, kind, protocol))
    if verdict.word in ("not yet", "n/a"):
        pytest.skip(f"{verdict.word}: {verdict.why}")
    assert not verdict.failed, verdict.why
