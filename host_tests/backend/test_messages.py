"""What nodes and others may send: nothing stops the collector, and nothing is misread."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import cbor2
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.backend.conftest import Publisher, Running, wait_until
from tools.backend import tables as t
from tools.backend.config import MappingSection
from tools.backend.mapping import Mappings
from tools.backend.messages import FOREIGN, Reading, Unreadable, parse
from tools.talk.formats import shown

NOW = 1_795_218_370_000
GOOD = {"value": 21.5, "unit": "C", "seq": 17, "boot": 9301532, "time": 1_795_218_370}


def reading(payload: bytes, topic: str = "petrel/a/air") -> Any:
    return parse(topic, payload, NOW, "petrel")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "empty"),
        (b"[21.5]", "not a JSON object"),
        (b"a word or two, and more", "not JSON"),
        (b"1e999", "not a finite number"),
        (b"\x81\xa5value", "damaged MessagePack"),
        (msgpack.packb({1: 2}), "damaged MessagePack"),
        (msgpack.packb({"value": 1}), 'no "boot"'),
        (cbor2.dumps({"value": 1})[:-1], "damaged CBOR"),
        (cbor2.dumps(GOOD) + b"\0", "damaged CBOR"),
        (cbor2.dumps({**GOOD, "value": Decimal("1.5")}), "neither a number"),
        (b"\x81" * 60_000, "damaged MessagePack"),
        (b"\xa1" * 60_000, "damaged CBOR"),
        (b"\x95value", "neither MessagePack nor CBOR"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"seq": 1, "boot": 1}', 'no "value"'),
        (b'{"value": 1, "boot": 1}', 'no "seq"'),
        (b'{"value": 1, "seq": 1.5, "boot": 1}', '"seq" is not a whole number'),
        (b'{"value": 1, "seq": true, "boot": 1}', '"seq" is not a whole number'),
        (b'{"value": 1, "seq": 9223372036854775808, "boot": 1}', '"seq" is not a whole number'),
        (b'{"value": NaN, "seq": 1, "boot": 1}', "not a finite number"),
        (b'{"value": -Infinity, "seq": 1, "boot": 1}', "not a finite number"),
        (b'{"value": 1e999, "seq": 1, "boot": 1}', "not a finite number"),
        (b'{"value": ' + b"9" * 400 + b', "seq": 1, "boot": 1}', "not a finite number"),
        (b'{"value": [1], "seq": 1, "boot": 1}', "neither a number"),
        (b'{"value": 1, "unit": 5, "seq": 1, "boot": 1}', '"unit" is not text'),
    ],
)
def test_what_is_no_reading_says_why(payload: bytes, why: str) -> None:
    item = reading(payload)
    assert isinstance(item, Unreadable)
    assert why in item.reason
    assert item.payload == payload


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("petrel/", "names no node"),
        ("petrel/a", "names no sensor"),
        ("petrel/a/", "names no sensor"),
        ("petrel//air", "names no node"),
        ("petrel/a/" + "x" * 65_000, "longer than 256 characters"),
        ("petrel/" + "n" * 300 + "/air", "longer than 256 characters"),
    ],
)
def test_topics_that_name_nothing_or_too_much(topic: str, why: str) -> None:
    item = reading(json.dumps(GOOD).encode(), topic)
    assert isinstance(item, Unreadable)
    assert why in item.reason


@pytest.mark.parametrize("name", ["time", "uptime"])
@pytest.mark.parametrize("seconds", [1e306, 1e308, -1e308, 10**40, float("inf"), float("nan")])
def test_a_time_beyond_all_measure_is_none(name: str, seconds: float) -> None:
    for pack in (cbor2.dumps, lambda content: json.dumps(content).encode()):
        content = {**GOOD, name: seconds}
        content.pop("time" if name == "uptime" else "uptime", None)
        found = reading(pack(content))
        assert isinstance(found, Reading) and found.time == NOW


@pytest.mark.parametrize(
    "payload",
    [
        msgpack.packb({"value": {b"x": 1}}), cbor2.dumps({"value": {(1, 2): 3}}),
        cbor2.dumps({"value": b"\xff"}), b"\x81\xa5value", b"\xff",
    ],
)  # fmt: skip
def test_whatever_arrives_can_be_shown(payload: bytes) -> None:
    assert isinstance(shown(payload), str)


@pytest.mark.parametrize("pack", [msgpack.packb, cbor2.dumps])
def test_a_reading_in_binary_says_what_it_says_in_json(pack: Callable[[Any], bytes]) -> None:
    for more in ({}, {"value": True}, {"value": "wärmen"}, {"restamped": True}):
        content = {**GOOD, **more}
        assert reading(pack(content)) == reading(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("payload", "value", "text"),
    [
        (b"21.50", 21.5, None), (b"-3", -3.0, None), (b"1e+10", 1e10, None),
        (b"true", 1.0, None), (b"false", 0.0, None), (b"double press", None, "double press"),
    ],
)  # fmt: skip
def test_a_plain_value_is_a_reading_of_when_it_came(
    payload: bytes, value: float | None, text: str | None
) -> None:
    found = reading(payload)
    assert (found.value, found.text, found.boot, found.time) == (value, text, FOREIGN, NOW)


def test_only_readings_are_plain_or_binary() -> None:
    for topic in ("petrel/a/diagnostics", "petrel/a/log", "petrel/a/reply/ping"):
        for payload in (b"21.5", b"word", msgpack.packb(GOOD), cbor2.dumps(GOOD)):
            assert isinstance(reading(payload, topic), Unreadable)


@given(st.sampled_from([b"\x80", b"\x85", b"\xa0", b"\xa5", b"\xb7"]), st.binary(max_size=99))
def test_any_binary_is_something(first: bytes, rest: bytes) -> None:
    assert isinstance(reading(first + rest), Reading | Unreadable)
    shown(first + rest).encode()


@given(st.binary(max_size=200), st.text(max_size=40))
def test_any_bytes_on_any_topic_are_something(payload: bytes, topic: str) -> None:
    assert parse(f"petrel/{topic}", payload, NOW, "petrel")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*GOOD, "uptime"]) | st.text(), inner, max_size=6)
        ),
    )
)
def test_any_json_is_something_that_fits_the_database(content: Any) -> None:
    item = reading(json.dumps(content).encode())
    if isinstance(item, Reading):
        for number in (item.seq, item.boot, item.time, item.said or 0):
            assert -(2**63) < number < 2**63
        for text in (item.text or "", item.unit, item.sensor):
            assert "\0" not in text
            text.encode()


def test_ten_thousand_malformed_messages_stop_nothing(
    run: Callable[..., Running], publisher: Publisher
) -> None:
    running = run(database={"queue": 5000})
    whole = json.dumps(GOOD).encode()
    generator = random.Random(5)
    for number in range(10_000):
        broken = bytearray(whole)
        for _ in range(generator.randrange(1, 6)):
            broken[generator.randrange(len(broken))] = generator.randrange(256)
        # All differ from the good ones, whatever was broken.
        publisher.publish(f"petrel/broken/n{number % 50}", bytes(broken[: -number % 90 or None]))
        if number % 100 == 0:
            publisher.reading(number + 1, time=int(time.time()))
    publisher.publish("petrel/a/" + "x" * 65_000, "long")
    publisher.reading(10_001, "petrel/ナメクジ \U0001f40c/空気", value=1e308, unit="°C")
    publisher.reading(10_002, "petrel/nul/text", value="a\0b\ud800c", unit="\0")
    publisher.publish("petrel/nul/diagnostics", '{"error": "\\u0000 \\ud800", "rssi": 1e400}')
    publisher.reading(10_003)
    publisher.flush()
    counts = running.collector.counts

    def done() -> bool:
        return counts.acknowledged >= 10_105

    wait_until(done, 60, lambda: str(counts))
    rows = {row.seq: row for row in running.rows(t.reading)}
    assert {number + 1 for number in range(0, 10_000, 100)} <= set(rows)
    assert rows[10_001].value == 1e308
    assert rows[10_002].text == "a\N{REPLACEMENT CHARACTER}b?c"
    assert 10_003 in rows
    unreadable = running.rows(t.unreadable)
    assert len(unreadable) + counts.stored + counts.copies + counts.told >= 10_105
    assert len(unreadable) > 5000
    assert all(row.reason for row in unreadable)


# --- other publishers


def mapped(topic: str, payload: bytes, **section: Any) -> list[Any] | None:
    return Mappings([MappingSection(**section)]).parse(topic, payload, NOW)


def test_a_plain_value_is_a_reading() -> None:
    shelly = {"filter": "shellies/+/sensor/+", "node": "{1}", "sensor": "{3}", "unit": "C"}
    (item,) = mapped("shellies/ht-1/sensor/temperature", b"21.5", **shelly) or []
    assert (item.node, item.sensor, item.value, item.unit) == ("ht-1", "temperature", 21.5, "C")
    assert (item.time, item.source) == (NOW, t.BY_ARRIVAL)
    (item,) = mapped("shellies/ht-1/sensor/motion", b"ON", **shelly) or []
    assert (item.value, item.kind) == (1.0, "switch")
    (item,) = mapped("shellies/ht-1/sensor/mode", "wärmen".encode(), **shelly) or []
    assert (item.text, item.kind) == ("wärmen", "text")
    assert mapped("shellies/ht-1/online", b"true", **shelly) is None


def test_json_gives_a_reading_for_each_value() -> None:
    tasmota = {
        "filter": "tele/+/SENSOR", "node": "{1}", "sensor": "{key}", "format": "json",
        "time": "Time", "units": {"AM2301/Temperature": "C"},
    }  # fmt: skip
    payload = b'{"Time": "2026-11-20T08:06:10", "AM2301": {"Temperature": 4.5, "Humidity": 80}}'
    warm, humid = mapped("tele/attic/SENSOR", payload, **tasmota) or []
    assert (warm.sensor, warm.value, warm.unit) == ("AM2301/Temperature", 4.5, "C")
    assert (humid.sensor, humid.value, humid.unit) == ("AM2301/Humidity", 80, "")
    assert warm.time == humid.time == 1_795_161_970_000
    again, _ = mapped("tele/attic/SENSOR", payload, **tasmota) or []
    assert again.seq == warm.seq, "a copy is known by its time"


def test_two_values_in_a_millisecond_are_two_readings() -> None:
    mappings = Mappings([MappingSection(filter="x/+", node="x", sensor="{1}")])
    first, second = (mappings.parse("x/a", value, NOW) for value in (b"1", b"2"))
    assert first and second and isinstance(first[0], Reading) and isinstance(second[0], Reading)
    assert first[0].seq != second[0].seq


def test_the_collector_stores_what_a_mapping_names(
    run: Callable[..., Running], publisher: Publisher
) -> None:
    running = run(
        mapping=[
            {"filter": "zigbee2mqtt/+", "node": "{1}", "sensor": "{key}", "format": "json",
             "keys": ["temperature"]},
        ]
    )  # fmt: skip
    publisher.publish("zigbee2mqtt/attic", {"temperature": 4.5, "linkquality": 80})
    publisher.publish("zigbee2mqtt/bridge", "online")
    publisher.publish("zigbee2mqtt/attic", {"temperature": 4.6})
    running.wait_for(t.reading, 2)
    assert sorted(row.value for row in running.rows(t.reading)) == [4.5, 4.6]
    (row,) = running.rows(t.unreadable)
    assert row.reason == "not JSON"
