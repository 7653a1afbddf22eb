"""A driver that is not what docs/drivers.md says is told by file and line when it is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.make import drivers
from tools.shared.paths import LIB

GOOD = '''"""Made up."""
USES = "pin"


def options():
    return {"scale": (1.0, 0, 10), "pull": (None, (None, "up", "down"))}


class Tilt:
    FIELDS = (("x", "", 1),)

    def __init__(self, pin, scale=1.0):
        self.pin = pin

    def start(self):
        return 0

    def read(self):
        return (1.5,)


DRIVER = Tilt
'''
RULE = "return {"
SCALE = '"scale": (1.0, 0, 10)'
WRONG = {  # what is said: what stands there, and what instead
    ":2: USES: there is no kind 'gpio'; there are pin, in,": ('"pin"', '"gpio"'),
    ":2: USES is 5": ('"pin"', "5"),
    ":2: USES: 'pin' is no pair of key and kind": ('"pin"', '("pin", "out")'),
    ":5: options() returned None": (RULE, "{"),
    ":5: options(): 'scale': 5 is wrong; it has to be (default,": (SCALE, '"scale": 5'),
    ":5: options(): 'scale': () is wrong": (SCALE, '"scale": ()'),
    ":5: options(): 'scale': (1, 2) is wrong": (SCALE, '"scale": (1, 2)'),
    ":5: options(): 'scale': (20, 0, 10) is wrong": (SCALE, '"scale": (20, 0, 10)'),
    ":5: options(): every sensor has a key 'name' already": (RULE, RULE + '"name": ("",), '),
    ":5: options(): every sensor has a key 'pin' already": (RULE, RULE + '"pin": ("",), '),
    ":12: __init__() has no argument 'more', an option": (RULE, RULE + '"more": ("",), '),
    ":12: __init__(): 'most' is neither an option nor": ("pin, scale", "pin, most, scale"),
    ":12: __init__() takes 0 of the 1 that USES asks for": (
        "self, pin, scale=1.0",
        "self, *, scale",
    ),
    ":22: DRIVER is 'Tilt'; it has to be the class": ("DRIVER = Tilt", 'DRIVER = "Tilt"'),
    ":9: the class Tilt has no FIELDS": ("FIELDS", "FIELD"),
    ":10: FIELDS is 'x'": ('(("x", "", 1),)', '"x"'),
    ":10: FIELDS is ('x', '', 1); it has to be ((name, unit": (
        '(("x", "", 1),)',
        '(("x", "", 1))',
    ),
    ":10: FIELDS is (('x',),)": ('(("x", "", 1),)', '(("x",),)'),
    ":9: the class Tilt has no start()": ("def start", "def begin"),
    ":9: the class Tilt has no read()": ("def read", "def get"),
}


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    """A lib/ whose only driver is tilt."""
    (tmp_path / "node").symlink_to(LIB / "node")
    (tmp_path / "sensors").mkdir()
    return tmp_path


@pytest.mark.parametrize("said", WRONG)
def test_what_a_driver_gets_wrong_is_told_by_file_and_line(said: str, lib: Path) -> None:
    there, instead = WRONG[said]
    assert there in GOOD
    (lib / "sensors/tilt.py").write_text(GOOD.replace(there, instead, 1))
    (found,) = drivers.faults(lib)
    assert found.startswith("lib/sensors/tilt.py" + said), found


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("self, pin, scale=1.0", "self, pin, **more"),
        ("self, pin, scale=1.0", "self, *parts, scale=1.0"),
        ("    FIELDS = ", "    # made in __init__: self.FIELDS = "),
        ('"pin"', '(("pin", "out"),)'),
        (SCALE, '"scale": (..., 0, 10)'),
        (SCALE, '"scale": ("text",)'),
    ],
)
def test_what_a_driver_may_do_otherwise(there: str, instead: str, lib: Path) -> None:
    (lib / "sensors/tilt.py").write_text(GOOD.replace(there, instead, 1))
    assert drivers.faults(lib) == []


def test_a_file_that_is_not_utf_8(lib: Path) -> None:
    (lib / "sensors/tilt.py").write_bytes(
        GOOD.replace("Made up", "f\u00fcr mich").encode("latin-1")
    )
    assert drivers.faults(lib) == ["lib/sensors/tilt.py:1: it is not UTF-8; save it as UTF-8"]
