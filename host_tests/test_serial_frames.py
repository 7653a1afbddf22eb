"""The frames of the serial line: both ends' codecs against each other, and against damage."""

from __future__ import annotations

import importlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tools.talk.bridge.frames import BEGIN, END, ESCAPE, Decoder, Frame

stub: Any = importlib.import_module("micropython")
frames: Any = importlib.import_module("mqtt.engine.frames")

SIZE = 64
KINDS = "ODACdacor"
some = st.builds(
    Frame,
    st.sampled_from(KINDS),
    st.integers(0, 0xFFFFFF),
    st.integers(0, 255),
    st.one_of(
        st.binary(max_size=SIZE),
        st.lists(st.sampled_from([0, 3, 4, BEGIN, END, ESCAPE, 0x5E]), max_size=SIZE).map(bytes),
        st.text(st.characters(codec="ascii"), max_size=SIZE).map(str.encode),
    ),
)
# What may stand between frames: a print has no marks.
texts = st.binary(max_size=40).map(lambda text: bytes(b for b in text if b not in (BEGIN, END)))
cuts = st.lists(st.integers(1, 50), min_size=1, max_size=6)


def made(frame: Frame) -> bytes:
    """As the board makes it."""
    out = bytearray(frames.room(SIZE))
    n = frames.Frame(SIZE).make(
        out, ord(frame.kind), frame.connection, frame.number, frame.data, 0, len(frame.data)
    )
    return bytes(out[:n])


def taken(line: bytes, steps: list[int]) -> tuple[list[Frame], Any]:
    """What the board finds in a line that comes in such pieces."""
    found, device = [], frames.Frame(SIZE)
    start = turn = 0
    while start < len(line):
        at, end = start, min(start + steps[turn % len(steps)], len(line))
        while at < end:
            at = device.take(line, at, end)
            if device.whole:
                data = bytes(device.data[6 : 6 + device.length])
                kind = chr(device.kind)
                found.append(Frame(kind, device.connection, device.number, data))
        start, turn = end, turn + 1
    return found, device


def decoded(line: bytes, steps: list[int]) -> tuple[list[Frame], bytes, int]:
    """What the bridge finds: frames, text, and how many were damaged."""
    found, text, decoder = [], b"", Decoder()
    start = turn = 0
    while start < len(line):
        end = start + steps[turn % len(steps)]
        for each in decoder.feed(line[start:end]):
            if isinstance(each, Frame):
                found.append(each)
            else:
                text += each
        start, turn = end, turn + 1
    return found, text, decoder.damaged


@given(some)
def test_both_ends_make_the_same_bytes_and_none_that_a_repl_obeys(frame: Frame) -> None:
    line = made(frame)
    assert line == frame.encode()
    assert line[0] == BEGIN
    assert line[-1] == END
    assert {byte for byte in line[1:-1] if byte < 0x20} <= {ESCAPE}
    assert len(line) <= frames.room(SIZE)


@given(st.lists(st.tuples(texts, some), max_size=4), texts, cuts)
def test_frames_and_text_come_apart_again_in_any_pieces(
    parts: list[tuple[bytes, Frame]], tail: bytes, steps: list[int]
) -> None:
    line = b"".join(text + frame.encode() for text, frame in parts) + tail
    sent = [frame for _, frame in parts]
    between = b"".join(text for text, _ in parts) + tail
    assert decoded(line, steps) == (sent, between, 0)
    found, device = taken(line, steps)
    assert found == sent
    assert (device.strays, device.damaged) == (len(between), 0)


@given(some, some, st.data(), cuts)
def test_a_damaged_frame_is_never_taken_for_another(
    frame: Frame, after: Frame, data: st.DataObject, steps: list[int]
) -> None:
    """A byte changed, lost, doubled or put in, a piece cut out, two pieces swapped."""
    line = frame.encode()
    at = data.draw(st.integers(0, len(line) - 1), "at")
    to = data.draw(st.integers(at, len(line)), "to")
    byte = bytes((data.draw(st.integers(0, 255), "byte"),))
    broken = data.draw(
        st.sampled_from([
            line[:at] + byte + line[at + 1 :],
            line[:at] + line[at + 1 :],
            line[: at + 1] + line[at:],
            line[:at] + byte + line[at:],
            line[:at] + line[to:],
            line[:at],
            line[at:to] + line[:at] + line[to:],
        ]),
        "broken",
    )  # fmt: skip
    for found in (
        decoded(broken + after.encode(), steps)[0],
        taken(broken + after.encode(), steps)[0],
    ):
        assert found in ([frame, after], [after])
        if line not in broken:
            assert found == [after]


@given(st.binary(max_size=400), some, cuts)
def test_garbage_is_no_frame_and_hides_none_after_it(
    garbage: bytes, frame: Frame, steps: list[int]
) -> None:
    assert decoded(garbage + frame.encode(), steps)[0] == [frame]
    assert taken(garbage + frame.encode(), steps)[0] == [frame]


def test_a_print_that_cuts_into_a_frame_is_shown() -> None:
    reading = Frame("D", 7, 0, json.dumps({"value": 1}).encode())
    line = reading.encode()
    cut = line[:12] + b"Traceback:\r\n  File\r\n" + line[12:] + reading.encode()
    found, text, damaged = decoded(cut, [len(cut)])
    assert found == [reading]
    assert b"Traceback:\r\n  File\r\n" in text
    assert damaged == 1


def test_a_frame_larger_than_the_buffer_is_damaged() -> None:
    large = Frame("d", 1, 0, bytes(SIZE + 1))
    found, device = taken(large.encode() + Frame("c", 1).encode(), [7])
    assert found == [Frame("c", 1)]
    assert device.damaged == 1
