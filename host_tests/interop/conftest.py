"""Which of the combinations are worth trying."""

from __future__ import annotations

import pytest

from host_tests.interop import checks5
from host_tests.interop.checks import connect


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the versions that a broker does not speak, except for the attempt to connect."""
    vain = [item for item in items if _vain(item)]
    if vain:
        config.hook.pytest_deselected(items=vain)
        items[:] = [item for item in items if item not in vain]


def _vain(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    params = callspec.params if callspec else {}
    if not {"real", "protocol", "check"} <= params.keys():
        return False
    if params["protocol"] != "5" and params["check"] in checks5.CHECKS:
        return True
    return params["protocol"] in params["real"].limits and params["check"] is not connect
