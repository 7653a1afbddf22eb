"""The documents: what they say is run, and what is generated is current."""

from __future__ import annotations

import ast
import doctest
import json
import re
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter
from tools import reference
from tools.broker import Broker
from tools.errors import ToolError
from tools.paths import LIB, ROOT

DOCS = ROOT / "docs"
SCRIPT = Path(__file__).parent / "scripts" / "session_of_a_document.py"
SESSIONS = ["repl.md", "migration.md"]
# Not for every program: the layers call these on each other. hang_up() is shown all the same.
NOT_CALLED = {"deliver", "hang_up", "stalled"}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


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


def public(module: str, of: str | None = None) -> set[str]:
    """The functions of a module of lib/mqtt, or the methods of one of its classes."""
    body = ast.parse((LIB / "mqtt" / f"{module}.py").read_text()).body
    if of:
        body = next(
            each for each in body if isinstance(each, ast.ClassDef) and each.name == of
        ).body
    functions = [each for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {each.name for each in functions if not each.name.startswith("_")} - NOT_CALLED


@pytest.mark.parametrize(
    "call, names",
    [
        (r"\bc\.{}\(", public("simple", "MQTTClient")),
        (r"(?<![.\w]){}\(", public("once")),
        (r"\bclient\.{}\(", public("client", "Client")),
    ],
    ids=["simple", "once", "client"],
)
def test_the_session_makes_every_call(call: str, names: set[str]) -> None:
    text = "\n".join(blocks(DOCS / "repl.md", "pycon"))
    assert names
    assert {name for name in names if not re.search(call.format(name), text)} == set()


@pytest.mark.parametrize("page", SESSIONS)
def test_all_code_of_a_session_is_run(page: str) -> None:
    """No block escapes by another language, or by none."""
    assert set(re.findall(r"^ *[`~]{3}(.+)$", (DOCS / page).read_text(), re.M)) == {"pycon"}
    fences = re.findall(r"^[`~]{3}", (DOCS / page).read_text(), re.M)
    assert len(fences) == 2 * len(blocks(DOCS / page, "pycon"))


@pytest.mark.parametrize("page", SESSIONS)
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
