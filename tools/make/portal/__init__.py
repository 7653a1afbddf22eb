"""lib/node/provision/page.py: page.html, which is here, compressed for the board to send.

`make reference` writes it. Two builds of zlib may compress differently, so a module that still
unpacks to the page stays as it is.
"""

from __future__ import annotations

import ast
import gzip
from pathlib import Path

from tools.shared.paths import LIB

SOURCE = Path(__file__).with_name("page.html")
MODULE = LIB / "node" / "provision" / "page.py"
WIDTH = 24  # bytes in a line
HEAD = '"""The page of the access point. `make reference` writes it from tools/make/portal."""\n\n'


def packed(text: str) -> bytes:
    """The value of PAGE in the text of the module; empty if there is none."""
    try:
        for each in ast.parse(text).body:
            if isinstance(each, ast.Assign):
                return bytes(ast.literal_eval(each.value))
    except (SyntaxError, ValueError, TypeError):
        pass
    return b""


def unpacked(text: str) -> bytes:
    """The page that the text of the module holds; empty if it holds none."""
    try:
        return gzip.decompress(packed(text))
    except (OSError, EOFError):
        return b""


def module(page: bytes) -> str:
    """The text of the module."""
    data = gzip.compress(page, 9, mtime=0)
    lines = "".join(
        f"    {_literal(data[at : at + WIDTH])}\n" for at in range(0, len(data), WIDTH)
    )
    return f"{HEAD}# fmt: off\nPAGE = (\n{lines})\n"


def _literal(data: bytes) -> str:
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'


def pages() -> dict[Path, str]:
    """The module, by its path."""
    page = SOURCE.read_bytes()
    there = MODULE.read_text() if MODULE.exists() else ""
    return {MODULE: there if unpacked(there) == page else module(page)}
