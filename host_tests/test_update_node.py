"""Updates over MQTT on the simulated board: fetched, tried, and kept or taken back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from host_tests.harness.node import Node
from host_tests.harness.slots import (
    Release,
    Server,
    chunk,
    contents_of,
    equip,
    honest,
    hurry,
    install,
    state_of,
)
from tools.play.broker import Broker
from tools.shared.paths import FIRMWARE, LIB
from tools.talk.readings import parse

ONE_WIDTH = pytest.mark.parametrize("node", ["64"], indirect=True)
STARTS = 3
SECONDS = 1234  # between diagnostics, in the config of a release that has another format
MIGRATION = (
    (LIB / "node/config/migrate.py")
    .read_text()
    .replace("FORMAT = 1 ", "FORMAT = 2 ")
    .replace("STEPS = ()", f"STEPS = (lambda config: config.update(diagnostics={SECONDS}),)")
)


def diagnostics_of(node: Node) -> int | None:
    """The seconds between two diagnostics in the config on the flash."""
    found: int | None = json.loads((node.flash / "config.json").read_text()).get("diagnostics")
    return found


@pytest.fixture
def server(broker: Broker) -> Iterator[Server]:
    with Server(broker) as server:
        yield server


def test_an_update_is_fetched_tried_and_kept(node: Node, server: Server) -> None:
    equip(node.flash)
    node.write_config(node.config())
    node.bench.power_on()
    assert node.wait("update/state", state="idle")["serial"] == 0
    contents = contents_of(node__config__migrate=MIGRATION)
    server.offer(Release({**contents, "lib/extra.py": b"# new" * 900}, serial=12))
    node.wait("update/state", 90, state="fetching", percent=100)
    node.wait("update/state", 90, state="trying", serial=12)
    assert state_of(node.flash) == "- a 2 0"
    assert diagnostics_of(node) == SECONDS
    node.obeys()
    for command in ("config", "interval", "provision"):
        assert "is being tried" in node.command(command, "{}")["error"]
    node.wait("light", start=len(node.seen.messages))
    assert node.wait("update/state", 150, state="good")["version"] == "0.12.0"
    assert state_of(node.flash) == "a - 0 12"
    assert diagnostics_of(node) == SECONDS
    readings = [parse(payload) for topic, payload in node.seen.messages if topic.endswith("light")]
    for boot in {each["boot"] for each in readings}:
        numbers = [each["seq"] for each in readings if each["boot"] == boot]
        assert numbers == sorted(numbers) and len(numbers) > 2
    node.bench.power_cut()
    at = len(node.seen.messages)
    assert node.wait("update/state", start=at, state="idle")["serial"] == 12


def test_three_starts_take_less_than_ten_minutes() -> None:
    text = (FIRMWARE / "stage.py").read_text()
    assert "\nseconds = 180 " in text
    assert STARTS * 180 < 600


HANG = "while True:\n    pass\n"
BAD = {
    "raises at import": ({"node__app": "import nothing_of_that_name"}, "nothing_of_that_name"),
    "raises at its boot": ({"node__main": "1 / 0"}, "ZeroDivision"),
    "leaves": ({"node__main": "import sys\nsys.exit()"}, "SystemExit"),
    "is no code": ({"node__main": "def"}, "SyntaxError"),
    "hangs at its boot": ({"node__main": HANG}, "not good in time"),
    "hangs at its start": ({"node__start__begin": HANG}, "not good in time"),
    "takes all memory": (
        {"node__app": "held = []\nwhile True:\n    held.append(bytearray(9999))\n"},
        "memory",
    ),
    "cannot connect": (
        {
            "mqtt__transport": (LIB / "mqtt/transport.py").read_text()
            + "\n\ndef refuse(self):\n    raise OSError(113)\n\n\nDialler.__call__ = refuse\n"
        },
        "no connection in time",
    ),
    "feeds the watchdog and hangs": (
        {
            "node__main": "import machine\ntimer = machine.Timer(-1)\n"
            "timer.init(period=200, callback=lambda _: machine.WDT(timeout=9000000).feed())\n"
            + HANG
        },
        "",
    ),
    "stops the timer of the boot stage and hangs": (
        {"node__main": "import sys\nsys.modules['stage'].timer.deinit()\n" + HANG},
        "not good in time",
    ),
    "removes its own slot and hangs": (
        {
            "node__main": "import os\nfor end in ('.mpy', '.index', '.pack'):\n"
            "    os.remove('update/a' + end)\n" + HANG
        },
        "update.a",
    ),
}


@pytest.mark.parametrize("what", BAD)
@ONE_WIDTH
def test_new_code_is_taken_back_if_it(node: Node, what: str) -> None:
    sources, why = BAD[what]
    equip(node.flash)
    node.write_config(node.config())
    install(node.flash, Release(contents_of(**sources), serial=12))
    hurry(node.flash, 24 if why == "no connection in time" else 8)
    node.bench.power_on()
    told = node.wait("update/state", 200, state="failed", serial=0, offered=12)
    assert why in told["error"], told
    assert state_of(node.flash) == "- - 0 0"
    assert len(node.bench.resets) == STARTS + 1, node.bench.resets
    about = node.wait("diagnostics", start=len(node.seen.messages) - 40)
    assert about["mode"] == "normal", about


def wrong_ones() -> dict[str, Release | bytes]:
    """Offers to be refused, by a word of the reason."""
    files = {"keys.txt": b"", "lib/node/update/pack.mpy": b"", "lib/x.py": b"#"}
    good = Release(files, serial=12)
    flipped = bytearray(good.offer)
    flipped[20] ^= 1
    twice = good.lines[: good.lines.index(b"\n") + 1] + good.lines
    digest = hashlib.sha256(twice).hexdigest()
    double = Release(files, serial=12, files=4, list=[len(twice), digest])
    double.lines = twice
    return {
        "an offer of 1000000 bytes": b"x" * 1_000_000,
        "the signature is wrong": bytes(flipped),
        "the signature has": good.offer[:-1],
        "not among those": Release(files, serial=12, signed_by="other"),
        "it is for ESP32_GENERIC": Release(files, serial=12, board="ESP32_GENERIC"),
        "of version 5": Release(files, serial=12, mpy=5),
        "not higher than 11": Release(files, serial=11),
        "there twice": double,
        "no path in a slot": Release({**files, "../boot.py": b"#"}, serial=12),
        "it has no lib/node/update/pack.mpy": Release({"lib/x.py": b"#"}, serial=12),
    }


@ONE_WIDTH
def test_a_broker_that_lies_costs_time_alone(node: Node, server: Server) -> None:
    """Offers that are to be refused, chunks of all kinds, and a bit that is wrong on the way."""
    equip(node.flash)
    (node.flash / "update/state").write_text("- - 0 11")
    (node.flash / "update/deployed").unlink()
    node.write_config(node.config())
    node.bench.power_on()
    node.wait("update/state", state="idle")
    for words, wrong in wrong_ones().items():
        start = len(node.seen.messages)
        if isinstance(wrong, bytes):
            server.offer_bytes(wrong)
        else:
            server.offer(wrong)
        told = node.wait("update/state", 60, start, state="refused")
        assert words in told["error"], told
    assert state_of(node.flash) == "- - 0 11"
    flips = [1]

    def lying(release: Release, number: int, offset: int, length: int) -> bytes:
        right = honest(release, number, offset, length)
        head, _, data = right.partition(b"\n")
        own = list(release.contents)[number - 1].startswith("lib/a") if number else False
        if own and flips:
            flips.pop()
            return head + b"\n" + bytes([data[0] ^ 1]) + data[1:]
        if own or not number:
            for lie in (
                data, head, b"\n", b"", right[:-1], right + b"!", b"x" + right, b"x" * 300_000,
                chunk(release, number + 1, offset, data), chunk(release, number, offset + 1, data),
            ):  # fmt: skip
                server.say(lie)
        return right

    server.answer = lying
    more = {f"lib/a{i}.py": bytes([65 + i]) * 5000 for i in range(4)}
    server.offer(Release({**contents_of(), **more}, serial=12))
    told = node.wait("update/state", 60, state="waiting")
    assert "came with other bytes than those that were signed" in told["error"]
    node.wait("update/state", 90, state="trying", serial=12)
    first = node.seen.sequence()
    first = first[: first.index(max(first)) + 1]
    assert list(dict.fromkeys(first)) == list(range(1, max(first) + 1)), "a reading was lost"


@ONE_WIDTH
def test_the_config_is_taken_back_with_the_slot(node: Node) -> None:
    equip(node.flash)
    node.write_config(node.config())
    before = (node.flash / "config.json").read_bytes()
    install(node.flash, Release(contents_of(node__config__migrate=MIGRATION), serial=12))
    hurry(node.flash, 12)
    node.bench.power_on()
    node.wait("update/state", 60, state="trying")
    assert diagnostics_of(node) == SECONDS
    node.wait("update/state", 200, state="failed", serial=0, offered=12)
    assert (node.flash / "config.json").read_bytes() == before
    assert not {"format", "config.json"} & {
        each.name for each in (node.flash / "update").iterdir()
    }


@ONE_WIDTH
def test_a_release_that_is_too_old_for_the_config_says_so(node: Node) -> None:
    equip(node.flash)
    node.write_config(node.config())
    install(node.flash, Release(contents_of(), serial=12))
    (node.flash / "update/format").write_text("2")
    node.bench.power_on()
    told = node.wait("update/state", 60, state="failed", serial=0)
    assert "format 2, and this release knows 1" in told["error"]


@ONE_WIDTH
def test_a_slot_whose_reader_is_damaged_is_taken_back(node: Node) -> None:
    equip(node.flash)
    node.write_config(node.config())
    install(node.flash, Release(contents_of(), serial=12))
    (node.flash / "update/a.mpy").write_bytes(b"nothing")
    node.bench.power_on()
    node.wait("update/state", 120, state="failed", serial=0)


@ONE_WIDTH
def test_a_good_slot_that_is_damaged_later_leaves_what_was_deployed(node: Node) -> None:
    equip(node.flash)
    node.write_config(node.config())
    install(node.flash, Release(contents_of(), serial=12), state="a - 0 12")
    (node.flash / "update/a.index").unlink()
    node.bench.power_on()
    node.wait("diagnostics")


@ONE_WIDTH
def test_a_raw_repl_costs_a_new_slot_no_start(node: Node) -> None:
    """For each of its commands mpremote resets the board, which runs boot.py and no more."""
    equip(node.flash)
    node.write_config(node.config())
    install(node.flash, Release(contents_of(), serial=12))
    main = node.flash / "main.py"
    text = main.read_text()
    main.unlink()
    for _ in range(4):
        node.bench.power_on()
        node.bench.wait_for_end()
    assert state_of(node.flash) == "- a 3 0"
    main.write_text(text)
    node.bench.power_on()
    node.wait("update/state", 60, state="trying", serial=12)


@ONE_WIDTH
def test_an_update_can_wait_until_it_is_wanted(node: Node, server: Server) -> None:
    equip(node.flash)
    node.write_config(node.config(update="ask"))
    node.bench.power_on()
    node.wait("update/state", state="idle")
    node.obeys()
    assert "there is none" in node.command("update", "install")["error"]
    assert "'now'" in node.command("update", "now")["error"]
    release = Release({**contents_of(), "lib/extra.py": b"# new" * 9000}, serial=12)
    server.offer(release)
    for _ in range(2):
        at = len(node.seen.messages)
        told = node.wait("update/state", 60, start=at, state="waiting", latest="0.12.0")
        assert "percent" not in told and "error" not in told, told
        node.bench.power_cut()
    at = len(node.seen.messages)
    node.wait("update/state", 60, start=at, state="waiting")
    assert not server.requests
    node.obeys()
    assert node.command("update", "install")["ok"]
    node.wait("update/state", 60, state="fetching")
    node.bench.power_cut()  # it is wanted still
    at = len(node.seen.messages)
    node.wait("update/state", 60, start=at, state="fetching")
    assert "on its way" in node.command("update", "install")["error"]
    node.wait("update/state", 60, state="trying", serial=12)


@ONE_WIDTH
def test_what_was_taken_back_is_tried_again_if_it_is_wanted(node: Node, server: Server) -> None:
    """With MQTT 5, in which the client calls the node in another way."""
    equip(node.flash)
    config = node.config()
    node.write_config({**config, "mqtt": {**config["mqtt"], "version": 5}})
    release = Release(contents_of(), serial=12)
    install(node.flash, release, state="- - 0 0")
    (node.flash / "update/failed").write_text(f"{release.id}\nno connection in time\n")
    node.bench.power_on()
    server.offer(release)
    assert node.wait("update/state", 60, state="failed")["error"] == "no connection in time"
    node.obeys()
    assert node.command("update", "install")["ok"]
    node.wait("update/state", 60, state="trying", serial=12)


@ONE_WIDTH
def test_a_node_without_keys_or_boot_stage_asks_for_nothing(node: Node) -> None:
    node.write_config(node.config())
    node.bench.power_on()
    node.wait("diagnostics")
    node.obeys()
    assert "no keys" in node.command("update", "install")["error"]
    assert not [topic for topic, _ in node.seen.messages if "/update/" in topic]
