"""mqtt.engine.topic against CPython's decoder, which is as strict as MQTT 1.5.3 is."""

from __future__ import annotations

import importlib
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

utf8: Any = importlib.import_module("mqtt.engine.topic")


def accepts(raw: bytes) -> bool:
    try:
        utf8.check_utf8(raw)
    except ValueError:
        return False
    return True


@given(st.text())
def test_every_text_is_accepted(text: str) -> None:
    assert accepts(text.encode("utf-8", "replace"))


@given(st.binary(max_size=8) | st.lists(st.integers(0x7F, 0xFF), max_size=8).map(bytes))
@example(b"\xed\xa0\x80")
@example(b"\xc0\x80")
@example(b"\xf4\x90\x80\x80")
@example(b"\xe0\x9f\xbf")
def test_bytes_are_judged_as_cpython_does(raw: bytes) -> None:
    try:
        raw.decode("utf-8")
        good = True
    except UnicodeDecodeError:
        good = False
    assert accepts(raw) == good
