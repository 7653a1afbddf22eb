"""Improv's packets: both ends' codecs against each other, and against noise."""

from __future__ import annotations

import importlib
import io
from types import SimpleNamespace
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from tools.talk.improv import Decoder, Kind, Packet, request, texts_decode, texts_encode

improv: Any = importlib.import_module("node.provision.improv")
board_packets: Any = importlib.import_module("node.provision.packets")

packets = st.builds(Packet, st.integers(0, 255), st.binary(max_size=255))
names = st.text(st.characters(codec="utf-8"), max_size=32).filter(lambda t: len(t.encode()) < 33)
passwords = st.text(max_size=64).filter(lambda t: len(t.encode()) < 65)
lines = st.text(st.characters(codec="ascii"), max_size=30).map(lambda t: t.replace("\n", " "))
cuts = st.lists(st.integers(1, 50), min_size=1, max_size=6)


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """The data in pieces of these sizes, again and again."""
    found: list[bytes] = []
    while data:
        size = sizes[len(found) % len(sizes)]
        found.append(data[:size])
        data = data[size:]
    return found


@given(st.lists(st.tuples(lines, packets), max_size=5), cuts)
def test_packets_come_back_however_the_line_cuts_them(
    said: list[tuple[str, Packet]], sizes: list[int]
) -> None:
    stream = b"".join(
        line.encode() + b"\n" + packet.encode() for line, packet in said if "IMPROV" not in line
    )
    decoder = Decoder()
    found = [each for piece in pieces(stream, sizes) for each in decoder.feed(piece)]
    expected = [packet for line, packet in said if "IMPROV" not in line]
    assert [each for each in found if isinstance(each, Packet)] == expected


@given(st.binary(max_size=400), packets)
def test_after_noise_and_a_silence_the_next_packet_is_found(noise: bytes, packet: Packet) -> None:
    decoder = Decoder()
    list(decoder.feed(noise + bytes(300)))  # whatever it looked like is complete
    assert packet in list(decoder.feed(b"\n" + packet.encode()))


@given(st.lists(st.text(max_size=40), max_size=4))
def test_texts(texts: list[str]) -> None:
    assert texts_decode(texts_encode(texts)) == texts


@given(names, passwords, st.binary(max_size=60))
def test_the_board_reads_what_the_computer_writes(ssid: str, password: str, noise: bytes) -> None:
    board = improv.Improv()
    for byte in noise:
        board.feed(byte)
    board.held = 0  # a silence
    found = [board.feed(byte) for byte in request(1, ssid, password).encode()]
    assert [each for each in found if each] == [1]
    assert board_packets.settings(board.packet) == [ssid, password]


@given(st.integers(1, 7), st.lists(st.text(max_size=20), max_size=3))
def test_the_computer_reads_what_the_board_writes(command: int, texts: list[str]) -> None:
    out = SimpleNamespace(stdout=SimpleNamespace(buffer=io.BytesIO()))
    with mock.patch.object(board_packets, "sys", out):
        board_packets.result(command, *texts)
    written = out.stdout.buffer.getvalue()
    text, packet = Decoder().feed(b"Petrel: connected" + written)
    assert text == "Petrel: connected"
    assert isinstance(packet, Packet)
    assert packet.kind == Kind.RESULT
    assert packet.data[0] == command
    assert texts_decode(packet.data[2:]) == texts
