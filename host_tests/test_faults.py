"""The list of faults is complete: each has a test that names it, and the page says so."""

from __future__ import annotations

import re

from host_tests.faults.__main__ import PAGE, page
from host_tests.faults.rows import FAULTS, named_by


def test_every_fault_has_a_test() -> None:
    assert [name for name, named in named_by().items() if not named] == []


def test_the_page_is_current_but_for_its_figures() -> None:
    def without_figures(text: str) -> str:
        text = text.partition("\n## Also measured")[0]
        return re.sub(r"\| *[\d.]* ?s? *\|(?= `)", "| |", text)

    assert without_figures(PAGE.read_text()) == without_figures(page({})), "make faults WRITE=1"
    assert len(re.findall(r"\| \d+\.\d s \|", PAGE.read_text())) >= len(FAULTS) // 3
