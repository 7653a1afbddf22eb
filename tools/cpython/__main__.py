"""`python -m tools.cpython FILE [argument ...]`: runs a program of MicroPython's, with lib/."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.cpython import loader


def main(file: str) -> None:
    loader.install()
    names = {"__name__": "__main__", "__file__": file}
    loader.run_in(names)
    exec(compile(Path(file).read_text(), file, "exec"), names)


del sys.argv[0]
main(sys.argv[0])
