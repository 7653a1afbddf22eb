"""node.config.strict against CPython's json, which is as strict as RFC 8259 is."""

from __future__ import annotations

import importlib
import json
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

strict: Any = importlib.import_module("node.config.strict")

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
SLIPS = st.tuples(
    st.integers(0, 200), st.integers(0, 2), st.sampled_from("{}[],:\"\\/'019.eE+-tu \n\t\r#\x01é")
)


def is_json(data: bytes) -> bool:
    """What CPython says, which takes keys that stand twice, and NaN, unless it is asked not to."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def no_constant(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(data.decode(), object_pairs_hook=once, parse_constant=no_constant)
    except ValueError:
        return False
    return True


@given(VALUES, st.sampled_from([None, 1, 4]), st.booleans())
def test_whatever_is_written_as_json_is_json(value: Any, indent: int | None, plain: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=plain).encode()
    assume(b"\\ud" not in data and b"\\u0000" not in data)  # these are refused, see below
    assert strict.fault(data) is None


@given(VALUES, st.lists(SLIPS, min_size=1, max_size=3))
@example({"a": 1}, [(7, 0, ",")])
@example([1], [(1, 1, "é")])
def test_slips_are_judged_as_cpython_does(value: Any, slips: list[tuple[int, int, str]]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    for at, removed, added in slips:
        at %= len(text) + 1
        text = text[:at] + added + text[at + removed :]
    data = text.encode()
    assume(b"\\u" not in data)
    assert (strict.fault(data) is None) == is_json(data), strict.fault(data)


@given(st.binary(max_size=12) | st.lists(st.sampled_from(b'"\\u{}[]:,1\xc3\xbc\xff')).map(bytes))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    fault = strict.fault(data)
    assert fault is None or fault.endswith(".")
