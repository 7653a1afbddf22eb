"""The verdicts and the page: what counts as passed, and what nobody can overlook."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from host_tests.interop import __main__ as run
from host_tests.interop import checks, matrix
from host_tests.interop.bench import Bench, Limited, NotApplicable
from host_tests.interop.device import CLIENTS, PROTOCOLS, DeviceError
from host_tests.interop.verdict import Verdict, judge
from tools.lab.brokers.base import RealBroker
from tools.shared.errors import ToolError


class Paper(RealBroker):
    """A broker that is never started."""

    title = "Paper"
    limits: ClassVar[dict[str, str]] = {"limited": "it does not", "5": "doesn't know MQTT 5"}


def a_check(name: str, error: Exception | None = None) -> Callable[[Bench], None]:
    """A check of that name that passes, or fails with an error."""

    def check(bench: Bench) -> None:
        """a check"""
        if error:
            raise error

    check.__name__ = name
    return check


@pytest.mark.parametrize(
    "name, error, word",
    [
        ("free", None, "yes"),
        ("free", AssertionError("no"), "FAIL"),
        ("free", TimeoutError("nothing came"), "FAIL"),
        ("free", Limited("as QoS 1"), "FAIL"),  # a limit that nobody has listed
        ("free", NotApplicable("not there"), "n/a"),
        ("free", DeviceError("TypeError", "version", None), "not yet"),
        ("free", DeviceError("OSError", "-1", None), "FAIL"),
        ("limited", AssertionError("no"), "no"),
        ("limited", Limited("as QoS 1"), "no"),
        ("limited", None, "FAIL"),  # the list is wrong
    ],
)
def test_verdict(name: str, error: Exception | None, word: str) -> None:
    assert judge(a_check(name, error), Bench(Paper(), "blocking", "3.1.1")).word == word


def test_version_that_a_broker_lacks_is_not_tried_but_once() -> None:
    never = a_check("free", AssertionError("was tried"))
    assert judge(never, Bench(Paper(), "blocking", "5")) == Verdict("no", "doesn't know MQTT 5")


def test_page_shows_what_failed_and_what_clients_differ_in() -> None:
    column = matrix.Column("Paper", "1.0")
    for protocol in PROTOCOLS:
        for kind in CLIENTS:
            for check in checks.CHECKS:
                column.verdicts[protocol, check.__name__, kind] = Verdict("yes")
    column.verdicts["3.1.1", "qos1", "asyncio"] = Verdict("FAIL", "it did not come")
    lines = matrix.text([column]).splitlines()
    assert "| | Paper 1.0 |" in lines
    assert lines.count("| QoS 1 both ways | yes |") == 2
    assert "| QoS 1 both ways | blocking: yes, asyncio: **FAIL** |" in lines
    assert "- Paper 1.0, FAIL: QoS 1 both ways (3.1.1): it did not come" in lines


def test_broker_that_cannot_be_had_is_said_loudly_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(broker: RealBroker) -> None:
        raise ToolError("no such package", "try again")

    monkeypatch.setattr(RealBroker, "install", refuse)
    column = run.run(Paper())
    assert run.summary([column]) == 1
    said = capsys.readouterr()
    assert "Paper CANNOT BE HAD: no such package\n  try again" in said.out
    assert "could not be had: Paper" in said.err
    page = matrix.text([column])
    assert "**Paper could not be had: no such package**" in page
    assert "| QoS 1 both ways | **not tried** |" in page
