"""The documents: what they say is run, and what is generated is current."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter
from tools import reference
from tools.broker import Broker
from tools.errors import ToolError
from tools.paths import ROOT

DOCS = ROOT / "docs"
SCRIPT = Path(__file__).parent / "scripts" / "session_of_a_document.py"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def test_the_reference_is_current() -> None:
    assert reference.PAGE.read_text() == reference.page(), "make reference"


def test_every_module_has_its_place(tmp_path: Path) -> None:
    for names in reference.CHAPTERS.values():
        for name in names:
            (tmp_path / f"{name}.py").write_text('"""Something."""\n')
    reference.page(tmp_path)
    (tmp_path / "new.py").write_text('"""New."""\n')
    with pytest.raises(ToolError, match="new"):
        reference.page(tmp_path)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page that are of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


@pytest.mark.parametrize("page", ["repl.md", "migration.md"])
def test_a_session_prints_what_the_page_shows(
    page: str, interpreter: Interpreter, broker: Broker, tmp_path: Path
) -> None:
    """As doctest does it, inside MicroPython; the broker of the page is the test's."""
    parser = doctest.DocTestParser()
    text = "\n".join(blocks(DOCS / page, "pycon"))
    examples = parser.get_examples(text)
    assert len(examples) > 5
    session = tmp_path / "session.json"
    session.write_text(json.dumps([example.source for example in examples]))
    done = interpreter.run(SCRIPT, str(session), str(broker.port), heap="1M", timeout=30)
    got = done.stdout.split("\x01\n")
    assert len(got) == len(examples) + 1, done.stdout + done.stderr
    checker = doctest.OutputChecker()
    for example, output in zip(examples, got, strict=False):
        want = example.want
        if example.exc_msg is not None:
            want = "Traceback (most recent call last):\n" + example.exc_msg
        assert checker.check_output(want, output, FLAGS), (
            f">>> {example.source}shown: {want}\nprinted: {output}"
        )


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *DOCS.glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
