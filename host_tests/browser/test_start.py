"""The pages of Start, as they look in a browser: two screens long at most."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.docs.site import SITE
from tools.shared.paths import ROOT

SCREEN = {"width": 1280, "height": 800}
PAGES = sorted(path.stem for path in (ROOT / "docs/start").glob("*.md"))
END = "document.querySelector('article').getBoundingClientRect().bottom + scrollY"
SIZES = "[...document.querySelectorAll('article img')].map(each => each.naturalWidth)"


@pytest.fixture(scope="module")
def site() -> Path:
    """The documentation, built as `make docs` does it."""
    command = [sys.executable, "-m", "tools", "docs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return SITE


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_start_is_two_screens_long(chromium: Any, site: Path, name: str) -> None:
    page = chromium.new_page(viewport=SCREEN)
    try:
        page.goto((site / "start" / f"{name}.html").as_uri())
        assert all(page.evaluate(SIZES)), "a picture is missing"
        screens = page.evaluate(END) / SCREEN["height"]
    finally:
        page.close()
    assert 1 < screens <= 2
