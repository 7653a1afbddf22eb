"""What came of a check: one word for the matrix, and whether it counts as a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from host_tests.interop.bench import Bench, Limited, NotApplicable
from host_tests.interop.checks import connect
from host_tests.interop.control import CONTROL
from host_tests.interop.device import DeviceError
from tools.shared.errors import ToolError

# The names of the exceptions by which a client says that it lacks what a check calls: a method, an
# argument, or code behind them. The matrix then says "not yet", in place of FAIL. A ValueError
# says so only if the broker has no known limit, because a client may refuse to ask for what the
# broker says it doesn't have.
UNKNOWN = ("AttributeError", "NotImplementedError", "TypeError")
# Checks of what the clients are known not to do yet, in any version.
PENDING: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """word: "yes", "no" (the broker's limit), "n/a", "not yet" (the client's) or "FAIL"."""

    word: str
    why: str = ""

    @property
    def failed(self) -> bool:
        """True if somebody has to look at it."""
        return self.word == "FAIL"


def judge(check: Callable[[Bench], None], bench: Bench) -> Verdict:
    """Run one check; where a broker lets no client of a version in, only whether that is so."""
    limit = bench.broker.limit(check.__name__, bench.protocol)
    if bench.protocol in bench.broker.limits and check is not connect:
        return Verdict("no", bench.broker.limits[bench.protocol])
    pending = check.__name__ in PENDING and bench.kind != CONTROL
    bench.patient = limit is None and not pending
    try:
        check(bench)
    except NotApplicable as error:
        return Verdict("n/a", str(error))
    except Limited as error:
        return Verdict("no", limit) if limit else Verdict("FAIL", f"not listed: {error}")
    except (AssertionError, DeviceError, OSError, TimeoutError, ToolError) as error:
        name = error.name if isinstance(error, DeviceError) else ""
        if name in UNKNOWN or (name == "ValueError" and not limit) or pending:
            return Verdict("not yet", str(error))
        return Verdict("no", limit) if limit else Verdict("FAIL", str(error) or repr(error))
    if limit:
        return Verdict("FAIL", f"it works; take it from the limits: {limit}")
    return Verdict("yes")
