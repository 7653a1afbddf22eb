"""`make conformance`: runs the tests that name a statement of MQTT; writes docs/conformance.md.

A test names a statement by its id in brackets, [MQTT-2.3.1-2] for 3.1.1 and [MQTT5-3.1.2-23] for
5, anywhere in its function. The statements are in tools/lab/statements.py.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from pathlib import Path

import click

from tools.lab.statements import MQTT_3_1_1, MQTT_5, SAME, UNTESTED
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, ROOT

PAGE = ROOT / "docs" / "conformance.md"
TESTS = ROOT / "host_tests"
REPORT = BUILD / "conformance.xml"
FULL_HEAP = "no_room_for_a_message"  # the tests that fill MicroPython's
_ID = re.compile(r"\[(MQTT5?-[0-9.]+-[0-9]+)\]")

HEAD = """\
# Conformance

What MQTT demands of a client, in our own words, and the tests that check Petrel against it. The
tests in `conformance/` look at both clients from the far end of a connection; the tests in
`device/` look at the protocol inside MicroPython, 64 and 32 bit. `make conformance` writes this
page from the names that the tests give; don't edit it here.
"""


def named_in_tests(folder: Path = TESTS) -> dict[str, list[str]]:
    """For each id the tests that name it, as file::function below host_tests."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        source = path.read_text()
        for node in ast.parse(source, str(path)).body:
            if not (isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
                continue
            name = f"{path.relative_to(folder).as_posix()}::{node.name}"
            for each in _ID.findall(ast.get_source_segment(source, node) or ""):
                if name not in found[each]:
                    found[each].append(name)
    for new, old in SAME.items():
        found[new] += [name for name in found.get(old, []) if _either_version(name)]
    return {each: names for each, names in found.items() if names}


def _either_version(name: str) -> bool:
    """True for a test that has either client over MQTT 3.1.1 and over 5."""
    return name.startswith("conformance/")


def faults(found: dict[str, list[str]]) -> list[str]:
    """What is amiss between the statements and the tests that name them."""
    known = {**MQTT_3_1_1, **MQTT_5}
    return [
        *(f"{each}: no test names it" for each in known if each not in found | UNTESTED),
        *(f"{each}: is tested, but listed as untested" for each in UNTESTED if each in found),
        *(f"{each}: no such statement; named by {found[each][0]}" for each in found
          if each not in known),
    ]  # fmt: skip


def page(found: dict[str, list[str]], results: dict[str, str] | None = None) -> str:
    """The text of docs/conformance.md; results: one word per test, "passes" unless given."""
    lines = [HEAD]
    for title, statements in (("MQTT 3.1.1", MQTT_3_1_1), ("MQTT 5", MQTT_5)):
        tested = sum(each in found for each in statements)
        lines += [
            f"## {title}\n",
            f"{len(statements)} statements, {tested} of them tested.\n",
            "| Statement | What it demands | Tests | Result |",
            "|---|---|---|---|",
        ]
        for each, words in statements.items():
            tests = found.get(each, [])
            said = {(results or {}).get(name, "passes") for name in tests}
            result = ", ".join(sorted(said)) if tests else f"not tested: {UNTESTED.get(each, '')}"
            names = "<br>".join(f"`{name}`" for name in tests)
            lines.append(f"| {each.split('-', 1)[1]} | {words} | {names} | {result} |")
        lines.append("")
    return "\n".join(lines)


def run(found: dict[str, list[str]]) -> dict[str, str]:
    """Run the tests; returns what came of each: "passes", "fails" or "skipped"."""
    files = sorted({name.split("::")[0] for names in found.values() for name in names})
    command = [
        sys.executable, "-m", "pytest", f"--junitxml={REPORT}", "-o", "junit_family=xunit1",
        *(str(TESTS / file) for file in files),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=False)
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for case in ET.parse(REPORT).getroot().iter("testcase"):
        outcome = "passes"
        for child in case:
            if child.tag in ("failure", "error"):
                outcome = "fails"
            elif child.tag == "skipped":
                outcome = "skipped"
        file = Path(case.get("file", "")).as_posix().removeprefix("host_tests/")
        name = (case.get("name") or "").split("[")[0]
        outcomes[f"{file}::{name}"][outcome] += 1
    results = {}
    for name in {each for names in found.values() for each in names}:
        count = outcomes.get(name, Counter())
        worst = next((word for word in ("fails", "skipped", "passes") if count[word]), "not run")
        results[name] = f"**{worst}**" if worst != "passes" else worst
    return results


def in_python() -> None:
    """Run what looks at the clients from the far end with the clients in Python."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(TESTS / "conformance"),
        "-k",
        f"not {FULL_HEAP}",
    ]
    done = subprocess.run(
        command, cwd=ROOT, check=False, env={**os.environ, "PETREL_IN_PYTHON": "1"}
    )
    if done.returncode:
        raise ToolError("not all tests pass", "see above")


@click.command()
@click.option("--cpython", is_flag=True, help="run the clients in Python; writes no page")
def command(cpython: bool) -> None:
    """Run the tests that name a statement of MQTT, and write docs/conformance.md."""
    if cpython:
        in_python()
        return
    found = named_in_tests()
    if wrong := faults(found):
        raise ToolError("\n  ".join(wrong), "Correct tools/lab/statements.py or the tests.")
    results = run(found)
    PAGE.write_text(page(found, results))
    bad = sorted(name for name, word in results.items() if word != "passes")
    print(f"written: {PAGE.relative_to(ROOT)}")
    if bad:
        raise ToolError("not all tests pass:\n  " + "\n  ".join(bad), "see above")
