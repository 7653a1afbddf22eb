"""The soak's books tell what is lost, late or out of order; a small soak runs whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from host_tests.faults.accounts import START, Arrivals, Fault, accepted, stall
from host_tests.faults.soak import PAGE, REST_S, Soak, page, wrong

GOOD: dict[str, Any] = {
    "lost": 0, "out_of_order": 0, "longest_rest_s": REST_S, "heap_drift_bytes": 0,
}  # fmt: skip


def test_what_comes_again_is_a_duplicate_and_what_comes_too_late_out_of_order() -> None:
    its = Arrivals()
    assert [its.add(value) for value in (1, 2, 2, 5, 4, 6)] == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]
    assert (its.duplicates, its.out_of_order, its.known) == (1, 1, {1, 2, 4, 5, 6})


def test_what_was_refused_was_not_accepted() -> None:
    lines = ["counted a 1", "counted a 2", "Petrel: a: not accepted", "counted b 7", "counted a 3"]
    assert accepted(lines, "a", False, 9) == {1, 3}
    assert accepted(lines, "b", False, 9) == {7}


def test_the_last_value_before_a_power_cut_is_unsure() -> None:
    lines = [f"counted a {value}" for value in (1, 2, START + 1, START + 2, START + 3)]
    assert accepted(lines, "a", True, START + 2) == {1, START + 1, START + 2}


def test_a_stall_is_told_with_its_faults_and_how_long_it_outlasts_them() -> None:
    faults = [Fault("cut", 9.5, 9.5), Fault("silence", 12, 15), Fault("slow", 40, 41)]
    its = stall("n1", 10.0, 20.0, faults)
    assert (its.seconds, its.rest) == (10.0, 5.0)
    assert (
        its.text()
        == "n1: 10.0 s, 5.0 s after its faults: cut at -0.5 s, silence at 2.0 s for 3.0 s"
    )
    assert stall("n1", 20.0, 30.0, faults).rest == 10.0  # of none


@pytest.mark.parametrize(
    "change",
    [{"lost": 1}, {"out_of_order": 1}, {"longest_rest_s": REST_S + 1}, {"heap_drift_bytes": None}],
)
def test_a_soak_fails_for(change: dict[str, Any]) -> None:
    assert not wrong(GOOD)
    assert len(wrong({**GOOD, **change})) == 1


def test_the_page_has_the_figures_of_a_run() -> None:
    text = PAGE.read_text()
    assert "| **lost** | 0 |" in text and "| out of order | 0 |" in text


def test_a_small_soak_loses_nothing(tmp_path: Path) -> None:
    report = Soak(0.3, 2, 10, 7, Console(file=(tmp_path / "log").open("w"))).run()
    assert not wrong(report), report
    assert int(str(report["accepted"])) > 100
    assert int(str(report["faults"])) >= 2
    assert "make soak MINUTES=0.3 SEED=7 NODES=2 RATE=10" in page(report)
