"""The documents: what they say is run, and what is generated is current."""

from __future__ import annotations

import ast
import doctest
import json
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter
from tools.docs import links, reference
from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import LIB, ROOT

DOCS = ROOT / "docs"
START = sorted((DOCS / "start").glob("*.md"))
SCRIPT = Path(__file__).parent / "scripts" / "session_of_a_document.py"
SESSIONS = ["repl.md", "mqtt5.md", "migration.md"]
# Not for every program: the layers call these on each other. hang_up() is shown all the same.
NOT_CALLED = {"deliver", "hang_up", "on_large", "stalled"}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def test_every_module_has_its_place(tmp_path: Path) -> None:
    for names in reference.CHAPTERS.values():
        for name in names:
            path = tmp_path / f"{name.replace('.', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text('"""Something."""\n')
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
    assert links.broken() == []
    assert len(links.pages()) > 80


@pytest.mark.parametrize(
    ("page", "text", "fault"),
    [
        ("README.md", "[a](docs/none.md)", "README.md: docs/none.md: there is no such file"),
        ("README.md", "[a](docs/a.md#no)", "README.md: docs/a.md#no: there is no such heading"),
        ("docs/b.md", "[a](../lib/no.py)", "docs/b.md: ../lib/no.py: there is no such file"),
        ("docs/b.md", "# One\n[a](#two)", "docs/b.md: #two: there is no such heading"),
        ("docs/b.md", "see `lib/no.py`", "docs/b.md: lib/no.py: there is no such file"),
    ],
)
def test_a_broken_link_is_found(page: str, text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/yes.py").touch()
    (tmp_path / "docs/a.md").write_text("## What's *this*?\n## What's this?\n```\n# no\n```\n")
    (tmp_path / page).write_text(text)
    whole = "[a](docs/a.md#whats-this) [b](docs/a.md#whats-this-1) [c](https://a.b/c) `lib/yes.py`"
    (tmp_path / "CHANGELOG.md").write_text(whole)
    assert links.broken(tmp_path) == [fault]


def test_the_front_door_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 900
    for page in START:
        assert len(page.read_text().splitlines()) <= 100, f"{page.name}: more than two screens"


def test_every_command_that_is_shown_exists() -> None:
    """`make target NAME=value`: the target and the names stand in the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.M))
    names = {*re.findall(r"\$\(([A-Z_]+)\)", makefile), "DEBIAN_MIRROR", "ROUNDS"}
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target, rest in re.findall(
            r"(?:^    |`)make ([a-z][a-z-]*)([^`\n]*)", page.read_text(), re.M
        ):
            assert target in targets, f"{page.name}: make {target}"
            given = set(re.findall(r"\b([A-Z_]{3,})=", rest.split("#")[0]))
            assert given <= names, f"{page.name}: make {target}{rest}"


@pytest.mark.parametrize("page", START, ids=lambda page: page.stem)
def test_the_configs_of_the_start_are_good_for_their_board(page: Path, tmp_path: Path) -> None:
    board = re.search(r"make check +BOARD=(\w+)", page.read_text())
    for text in blocks(page, "json"):
        config = tmp_path / "my.json"
        config.write_text(text)
        assert board
        command = [sys.executable, "-m", "tools", "check", board[1], str(config)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_messages_of_troubleshooting_are_those_of_the_code() -> None:
    code = "\n".join(
        re.sub(r'"\n\s*f?"', "", path.read_text().replace("\\'", "'"))  # over two lines
        for folder in ("lib", "tools", "firmware")
        for path in (ROOT / folder).rglob("*.py")
    )
    rows = re.findall(r"^\| `(.+?)`", (DOCS / "troubleshooting.md").read_text(), re.M)
    assert len(rows) > 20
    assert [message for message in rows if message not in code] == []


def test_the_tls_page_makes_certificates_that_hold(tmp_path: Path) -> None:
    """Its commands are run as they stand, and a client that trusts ca.pem connects."""
    for text in blocks(DOCS / "tls.md", "sh"):
        subprocess.run(["sh", "-ec", text], cwd=tmp_path, check=True, capture_output=True)
    made = {name: tmp_path / name for name in ("ca.pem", "broker.pem", "broker.key")}
    settings = (
        f"certfile {made['broker.pem']}",
        f"keyfile {made['broker.key']}",
        f"cafile {made['ca.pem']}",
        "require_certificate true",
    )
    with Broker(settings=settings) as broker:
        context = ssl.create_default_context(cafile=str(made["ca.pem"]))
        context.load_cert_chain(tmp_path / "greenhouse.pem", tmp_path / "greenhouse.key")
        with (
            socket.create_connection((broker.host, broker.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="broker.lan") as stream,
        ):
            stream.sendall(bytes.fromhex("100d00044d5154540402003c000161"))
            assert stream.recv(4) == bytes.fromhex("20020000")


def test_examples_are_all_listed() -> None:
    text = (DOCS / "examples" / "README.md").read_text()
    assert all(f"[{path.name}]" in text for path in (DOCS / "examples").glob("*.py"))
