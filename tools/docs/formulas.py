"""docs/derived.md, with the RAM that formulas take; tools.docs.generated writes it."""

from __future__ import annotations

from pathlib import Path

from tools.docs.filters import BOARD
from tools.docs.ram import made
from tools.make.package import build
from tools.make.romfs import romfs
from tools.shared.paths import BUILD, ROOT

PAGE = ROOT / "docs" / "derived.md"
TEXT = Path(__file__).with_name("derived.md")
_CODE = """
def make(text):
    from sensors.formula import DRIVER
    return DRIVER(text)
def done():
    sys.modules["sensors.formula"].DRIVER.__init__ = None
"""


def pages() -> dict[Path, str]:
    """The page, by its path."""
    lib = build(BOARD, quiet=True) / "lib"
    image = BUILD / "formulas-ram.img"
    romfs(lib, image)
    files, more = made(_CODE, '"difference(a, b)"', lib, None)
    rom, _ = made(_CODE, '"difference(a, b)"', lib, image)
    figures = {"files": files, "rom": rom, "more": more}
    text = TEXT.read_text()
    for key, value in figures.items():
        text = text.replace("{" + key + "}", f"{value:,}")
    return {PAGE: text}
