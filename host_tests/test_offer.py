"""`offer`: nodes get a release over a real broker, whatever is lost on the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from host_tests.harness import updates
from host_tests.harness.update_node import UpdateNode
from host_tests.harness.updates import BOARD, FILES
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import ROOT
from tools.update.fetching import DONE, FAILED, Progress
from tools.update.server import LONGEST_CHUNK, NoAnswer, Server
from tools.update.verify import parse_keys

TRUSTED = parse_keys(updates.keys_txt())
PICO = "RPI_PICO_W"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Releases 11 and 12, the latter for two boards."""
    root = tmp_path / "updates"
    updates.write(root / "11" / BOARD, serial=11)
    updates.write(root / "12" / BOARD, serial=12)
    updates.write(root / "12" / PICO, serial=12, board=PICO)
    return root


def command(folder: Path, broker: Broker, *arguments: str) -> list[str]:
    where = ["--from", str(folder), "--host", f"127.0.0.1:{broker.port}"]
    return [sys.executable, "-m", "tools", "offer", *where, *arguments]


def offer(folder: Path, broker: Broker, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, broker, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=100
    )


@contextmanager
def offering(folder: Path, broker: Broker, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; it has begun to answer."""
    with subprocess.Popen(
        command(folder, broker, *arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline().startswith("offering serial ")
        try:
            yield process
        finally:
            process.terminate()


def test_nodes_of_different_boards_get_their_own_files(folder: Path, broker: Broker) -> None:
    with (
        UpdateNode(broker, "a", BOARD, TRUSTED) as a,
        UpdateNode(broker, "b", PICO, TRUSTED) as b,
    ):
        done = offer(folder, broker, "a", "b")
    assert done.returncode == 0, done.stderr
    assert "offering serial 12 for ESP8266_GENERIC, RPI_PICO_W" in done.stdout
    assert "2 done, 0 failed, 0 to go" in done.stdout
    for node in (a, b):
        assert node.serial == 12
        assert {path: bytes(node.files[path]) for path in FILES} == FILES


def test_all_are_those_whose_board_has_a_release(folder: Path, broker: Broker) -> None:
    with (
        UpdateNode(broker, "a", BOARD, TRUSTED) as a,
        UpdateNode(broker, "b", PICO, TRUSTED) as b,
        UpdateNode(broker, "c", "PYBV11", TRUSTED) as c,
    ):
        done = offer(folder, broker, "--all")
    assert done.returncode == 0, done.stderr
    assert "2 done, 0 failed, 0 to go" in done.stdout
    assert (a.serial, b.serial, c.serial) == (12, 12, 0)


def test_chunks_that_are_lost_are_asked_for_again(folder: Path, broker: Broker) -> None:
    with UpdateNode(broker, "a", BOARD, TRUSTED, loses=lambda count: count % 3 == 1) as node:
        done = offer(folder, broker, "a")
    assert done.returncode == 0, done.stderr
    assert node.serial == 12


def test_a_node_goes_on_where_it_was_after_it_restarted(folder: Path, broker: Broker) -> None:
    files: dict[str, bytearray] = {}
    with offering(folder, broker, "--serve", "a"):
        with UpdateNode(broker, "a", BOARD, TRUSTED, files) as node:
            node.wait_for_chunks(3)
        had = sum(map(len, files.values()))
        with UpdateNode(broker, "a", BOARD, TRUSTED, files) as again:
            again.wait("good")
    assert had > 0
    rest = sum(map(len, files.values())) - had
    assert again.chunks <= len(files) + rest // 1024


def test_a_server_may_be_stopped_and_started(folder: Path, broker: Broker) -> None:
    with UpdateNode(broker, "a", BOARD, TRUSTED) as node:
        with offering(folder, broker, "--serve", "a"):
            node.wait_for_chunks(2)
        done = offer(folder, broker, "a")
        assert done.returncode == 0, done.stderr
    assert node.serial == 12


def test_a_node_that_has_it_already_is_done(folder: Path, broker: Broker) -> None:
    with UpdateNode(broker, "a", BOARD, TRUSTED, serial=12) as node:
        done = offer(folder, broker, "a")
    assert done.returncode == 0 and "runs v12" in done.stdout
    assert node.chunks == 0


def test_an_older_release_can_be_named(folder: Path, broker: Broker) -> None:
    with UpdateNode(broker, "a", BOARD, TRUSTED) as node:
        assert offer(folder, broker, "a", "--serial", "11").returncode == 0
    assert node.serial == 11


def test_what_a_node_refuses_is_told_with_its_reason(folder: Path, broker: Broker) -> None:
    others = parse_keys(updates.keys_txt("other"))
    with UpdateNode(broker, "a", BOARD, others), UpdateNode(broker, "b", BOARD, TRUSTED) as b:
        done = offer(folder, broker, "a", "b")
    assert done.returncode == 1
    words = " ".join(done.stdout.split())
    assert "1 done, 1 failed, 0 to go" in words and "is not trusted" in words
    assert done.stderr.startswith("error: 1 of 2 nodes did not take it: a\n")
    assert b.serial == 12


def test_a_board_without_a_release_is_told(folder: Path, broker: Broker) -> None:
    with UpdateNode(broker, "a", "PYBV11", TRUSTED):
        done = offer(folder, broker, "a")
    assert done.returncode == 1
    assert "the release has nothing for its PYBV11" in " ".join(done.stdout.split())


def test_a_node_that_appears_later_gets_it_too(folder: Path, broker: Broker) -> None:
    with (
        offering(folder, broker, "--serve", "a"),
        UpdateNode(broker, "a", BOARD, TRUSTED) as node,
    ):
        node.wait("good")


def test_an_offer_is_retained_until_it_is_withdrawn(
    folder: Path, broker: Broker, seen: Subscriber
) -> None:
    with UpdateNode(broker, "a", BOARD, TRUSTED):
        assert offer(folder, broker, "a").returncode == 0
    with Subscriber(broker) as later:
        later.catch_up()
        assert "petrel/a/update/offer" in [topic for topic, _ in later.messages]
    done = offer(folder, broker, "--withdraw", "--all")
    assert done.stdout == "withdrawn from 1 node\n"
    with Subscriber(broker) as last:
        last.catch_up()
        assert "petrel/a/update/offer" not in [topic for topic, _ in last.messages]


# --- what is wrong before anything is offered


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "no node is named\n  Name some"), (["a/b"], "must be one name"),
     (["a", "--serial", "10"], "no release 10 in .*\n  There are 11, 12")],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_told(
    folder: Path, broker: Broker, arguments: list[str], words: str
) -> None:
    done = offer(folder, broker, *arguments)
    assert done.returncode == 1 and re.search(words, done.stderr), done.stderr


def test_a_damaged_release_is_not_offered(folder: Path, broker: Broker) -> None:
    (folder / "12" / BOARD / "main.py").write_bytes(b"")
    done = offer(folder, broker, "a")
    assert done.returncode == 1
    assert "main.py has 0 bytes, not 17" in done.stderr and "Nodes would refuse it" in done.stderr


def test_a_folder_without_releases_is_told(tmp_path: Path, broker: Broker) -> None:
    done = offer(tmp_path, broker, "a")
    assert "there is no release in" in done.stderr and "petrel release sign" in done.stderr


# --- the server, request by request


def release_id(folder: Path) -> str:
    return updates.write(folder / "12" / BOARD, serial=12).id


def test_a_chunk_is_as_long_as_was_asked_for_or_as_the_file_goes(folder: Path) -> None:
    name = release_id(folder)
    server = Server(folder)
    listed = (folder / "12" / BOARD / "list").read_bytes()
    assert server.answer(f"{name} 0 0 4096".encode()) == f"{name} 0 0\n".encode() + listed
    assert server.answer(f"{name} 0 3 7".encode()) == f"{name} 0 3\n".encode() + listed[3:10]
    paths = [line.split(" ")[2] for line in listed.decode().splitlines()]
    for number, path in enumerate(paths, 1):
        content = (folder / "12" / BOARD / path).read_bytes()
        end = len(content)
        assert server.answer(f"{name} {number} {end} 9".encode()).endswith(b"\n")
        got = b"".join(
            server.answer(f"{name} {number} {at} 100".encode()).partition(b"\n")[2]
            for at in range(0, end, 100)
        )
        assert got == content


@pytest.mark.parametrize(
    ("request_", "reason"),
    [("0123456789abcdef 0 0 100", "no such release"), ("{} 6 0 100", "the list has 5 files"),
     ("{} 1 9999999 1", "board.txt has 15 bytes"), ("{} 1 0 0", "a chunk has 1 to 4096 bytes"),
     ("{} 1 0 4097", "a chunk has 1 to 4096 bytes")],
)  # fmt: skip
def test_what_can_not_be_answered_is_told(folder: Path, request_: str, reason: str) -> None:
    request = request_.format(release_id(folder))
    name, number, _ = request.split(" ", 2)
    answer = Server(folder).answer(request.encode())
    assert answer == f"{name} {number} -\n{reason}".encode()


def test_a_release_that_is_new_is_found(folder: Path) -> None:
    server = Server(folder)
    name = updates.write(folder.parent / "13" / BOARD, serial=13).id
    assert b"no such release" in server.answer(f"{name} 0 0 9".encode())
    (folder.parent / "13").rename(folder / "13")
    assert b"no such release" not in server.answer(f"{name} 0 0 9".encode())


def test_a_file_that_is_gone_is_told_and_leads_nowhere(folder: Path) -> None:
    name = release_id(folder)
    server = Server(folder)
    server.answer(f"{name} 0 0 9".encode())
    (folder / "12" / BOARD / "board.txt").unlink()
    assert b"board.txt can't be read" in server.answer(f"{name} 1 0 9".encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    request=st.binary(max_size=80)
    | st.from_regex(rb"[0-9a-f]{16} -?\d{1,4} -?\d{1,8} -?\d{1,5}", fullmatch=True)
)
def test_no_request_breaks_the_server(folder: Path, request: bytes) -> None:
    try:
        answer = Server(folder).answer(request)
    except NoAnswer:
        return
    assert len(answer) <= LONGEST_CHUNK + 64


def test_requests_that_are_none_get_no_answer(folder: Path, broker: Broker) -> None:
    """And the next one that is right gets its own."""
    with offering(folder, broker, "--serve"), Subscriber(broker) as heard:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect(broker.host, broker.port)
        client.loop_start()
        for payload in (b"", b"x", b"\xff" * 70, f"{release_id(folder)} 1 0 9".encode()):
            client.publish("petrel/n/update/get", payload, 1).wait_for_publish(60)
        heard.wait("petrel/n/update/chunk")
        client.disconnect()
        client.loop_stop()
    chunks = [text for topic, text in heard.messages if topic == "petrel/n/update/chunk"]
    assert len(chunks) == 1 and chunks[0].endswith("\nESP8266_G")


# --- what nodes say


def test_a_refusal_that_is_retained_may_be_of_another_offer() -> None:
    progress = Progress("a")
    progress.take({"state": "refused", "serial": 11, "error": "old"}, 12, retained=True)
    assert progress.ended == ""


@pytest.mark.parametrize(
    ("state", "ended", "words"),
    [({"state": "good", "serial": 12, "version": "1.2"}, DONE, "runs 1.2"),
     ({"state": "idle", "serial": 13, "version": "1.3"}, DONE, "which is newer: serial 13"),
     ({"state": "idle", "serial": 11, "version": "1.1"}, "", "not seen yet"),
     ({"state": "fetching", "serial": 11, "offered": 12, "percent": 40}, "", "fetching, 40 %"),
     ({"state": "trying", "serial": 12, "offered": 12}, "", "trying"),
     ({"state": "failed", "serial": 11, "offered": 12, "error": "no Wi-Fi"}, FAILED, "no Wi-Fi"),
     ({"state": "failed", "serial": 10, "offered": 11, "error": "old"}, "", "not seen yet"),
     ({"state": "refused", "serial": 11, "error": "not signed"}, FAILED, "refused: not signed"),
     ([], "", "not seen yet"), ({"state": 7, "serial": "x", "offered": 12}, "", "7")],
)  # fmt: skip
def test_a_node_is_where_it_says(state: object, ended: str, words: str) -> None:
    progress = Progress("a")
    progress.take(json.loads(json.dumps(state)), 12)
    assert (progress.ended, words in progress.words) == (ended, True), progress
