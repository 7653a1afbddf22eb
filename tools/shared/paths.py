"""Where things stand in the project."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "boards"
BUILD = ROOT / "build"
FIRMWARE = ROOT / "firmware"
LIB = ROOT / "lib"
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
MICROPYTHON = {"64": TOOLS / "bin" / "micropython", "32": TOOLS / "bin" / "micropython32"}
MOSQUITTO = TOOLS / "bin" / "mosquitto"
NO_32 = TOOLS / "no-micropython32"  # exists where there can be none, and says why
NO_EMULATOR = TOOLS / "no-emulator"  # the same of the emulated chips
NO_BROWSER = TOOLS / "no-browser"  # of the page in a browser
