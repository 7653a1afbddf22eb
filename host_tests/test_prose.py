"""The checks of spelling and phrases find what they are there to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lint.command import spelled
from tools.lint.prose import PHRASES, faults


def test_our_own_pages_and_code_have_none_of_the_phrases() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("page.md", "It is sent\nanew.\n", 2),
        ("page.md", "All is kept, but\nfor the last one.\n", 1),
        ("page.md", "Whoever has it can read it.\n", 1),
        ("comment.py", "x = 1\ny = 2  # made anew\n", 2),
        ("comment.py", "# all but\n# for one\n", 1),
        ("docstring.py", '"""One.\n\nTwo, ever\nmore slowly.\n"""\n', 3),
        ("text.py", 'print(f"{1} is no number")\n', 1),
        ("texts.py", 'print(\n    "a file is no "\n    "JSON"\n)\n', 2),
    ],
)
def test_a_phrase_is_found_with_its_line(tmp_path: Path, name: str, text: str, line: int) -> None:
    path = tmp_path / name
    path.write_text(text)
    (found,) = faults([path])
    assert found.startswith(f"{path}:{line}: ")
    assert "; say " in found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.py", "anew = 1\nmostly = [anew for anew in ()]\n"),
        ("words.md", "Amended in a new way: the utmost. A test_made_anew_again.\n"),
        ("plain.md", "It is sent again, and is not a number.\n"),
    ],
)
def test_names_and_other_words_are_no_phrases(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert faults([path]) == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_what_to_say_instead_is_none_of_the_phrases(tmp_path: Path, phrase: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(PHRASES[phrase])
    assert faults([path]) == []


def test_a_misspelt_word_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("It recieves teh message.\n")
    assert not spelled([page])


def test_a_name_that_looks_misspelt_is_let_through(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("The coefficients of Steinhart and Hart.\n")
    assert spelled([page])
