"""The MQTT clients in Python itself over TLS: the tests that MicroPython has to pass."""

from __future__ import annotations

import pytest

from host_tests.harness.interpreter import IN_PYTHON, Interpreter
from host_tests.test_tls import *  # noqa: F403


@pytest.fixture
def interpreter() -> Interpreter:
    return IN_PYTHON
