"""`make reference` changes nothing in a clean clone, and its check writes nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.harness.interpreter import WIDTHS
from tools.docs import generated, reference
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT


@pytest.mark.parametrize("generator", generated.GENERATORS)
def test_what_is_generated_is_current(generator: str) -> None:
    if generator == "tools.docs.sensors" and WIDTHS == ("64",):
        pytest.skip("there is no 32-bit MicroPython here, which is the measure of RAM")
    command = [sys.executable, "-m", "tools.docs.generated", "--check", generator]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_check_tells_what_is_stale_and_the_generator_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "reference.md"
    monkeypatch.setattr(reference, "PAGE", page)
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    with pytest.raises(ToolError, match=r"not up to date: docs/reference\.md"):
        generated.command.main(["--check", "tools.docs.reference"], standalone_mode=False)
    assert not page.exists()
    for said in ("written: docs/reference.md", "everything is up to date"):
        generated.command.main(["tools.docs.reference"], standalone_mode=False)
        assert said in capsys.readouterr().out
    assert page.read_text() == reference.page()
