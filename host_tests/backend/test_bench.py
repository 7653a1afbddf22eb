"""The short form of `make bench-backend`: that it measures, and that nothing is lost meanwhile."""

from __future__ import annotations

import pytest

from host_tests.backend import bench, bench_page


@pytest.mark.timeout(600)
def test_the_bench_counts_every_reading_and_watches_the_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = bench.measured(bench.Work(3000, 1000.0, backlog=False), floor=False)
    for result in results:
        assert (result.stored, result.doubled) == (3000, 0), result
        assert result.rss_mb > 10
        assert result.ages, result
        assert {"it", "broker", "publishers"} <= set(result.cpu_s)
    bench.show(results)
    assert "PostgreSQL" in capsys.readouterr().out


@pytest.mark.timeout(600)
def test_a_backlog_is_taken_after_the_collector_was_away() -> None:
    for result in bench.measured(bench.Work(3000, 0.0, backlog=True), floor=False):
        assert (result.stored, result.doubled) == (3000, 0), result
        assert not result.ages


@pytest.mark.timeout(600)
def test_the_page_draws_a_year_from_roll_ups(capsys: pytest.CaptureFixture[str]) -> None:
    bench_page.measure(20_000)
    said = capsys.readouterr().out
    assert said.count("86400 s") == 2, said
