"""Updates for whole nodes: releases with changed files, a server that can lie, and slots.

They are signed as those of harness.updates, which has the format alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from host_tests.harness.updates import MPY, keys_txt, listed, signed, signer
from tools.make.package import DEPLOYED, STAGE, build, files
from tools.play.broker import Broker
from tools.shared.paths import FIRMWARE

NOT_IN_A_SLOT = ("boot.py", "main.py", "config.example.json")


class Release:
    """A release of some files. What a test changes afterwards is served as it is then."""

    def __init__(
        self,
        contents: dict[str, bytes],
        serial: int = 1,
        board: str = "UNIX",
        signed_by: str = "main",
        **changes: Any,
    ) -> None:
        """contents: path -> bytes; changes: keys of the manifest, None removes one."""
        self.contents = dict(sorted(contents.items()))
        self.lines = listed(self.contents)
        manifest = {
            "update": 1,
            "board": board,
            "version": f"0.{serial}.0",
            "serial": serial,
            "mpy": MPY,
            "files": len(self.contents),
            "size": sum(map(len, self.contents.values())),
            "list": [len(self.lines), hashlib.sha256(self.lines).hexdigest()],
            "key": signer(signed_by).id,
            **changes,
        }
        manifest = {key: value for key, value in manifest.items() if value is not None}
        self.manifest = json.dumps(manifest, separators=(",", ":")).encode()
        self.offer = signed(self.manifest, signed_by)
        self.id = hashlib.sha256(self.manifest).hexdigest()[:16]

    def part(self, number: int) -> bytes:
        """The list, or a file."""
        return list(self.contents.values())[number - 1] if number else self.lines


def contents_of(board: str = "UNIX", **sources: str) -> dict[str, bytes]:
    """The files of a slot as they are built; sources: of modules of lib/, such as node__app."""
    folder = build(board, quiet=True)
    found = {
        name: (folder / name).read_bytes() for name in files(folder) if name not in NOT_IN_A_SLOT
    }
    found["keys.txt"] = keys_txt().encode()
    for name, source in sources.items():
        path = "lib/" + name.replace("__", "/")
        found.pop(path + ".mpy", None)
        found[path + ".py"] = source.encode()
    return found


class Server:
    """Offers a release to a node, and answers its requests. A context manager.

    answer: makes of (release, number, offset, length) the payload of a chunk, or None for silence
    socket: where the broker listens in the file system
    """

    def __init__(self, broker: Broker, node: str = "n1", socket: Path | None = None) -> None:
        self.release: Release | None = None
        self.requests: list[tuple[int, int, int]] = []
        self.answer: Callable[[Release, int, int, int], bytes | None] = honest
        self._base = f"petrel/{node}/update/"
        self._ready = threading.Event()
        transport: Literal["tcp", "unix"] = "unix" if socket else "tcp"
        self._client = paho.Client(CallbackAPIVersion.VERSION2, transport=transport)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(self._base + "get", 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._asked
        self._client.connect(str(socket) if socket else broker.host, broker.port)
        self._client.loop_start()
        assert self._ready.wait(40)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def offer(self, release: Release | None) -> None:
        """Offer a release, or withdraw it."""
        self.release = release
        self.offer_bytes(release.offer if release else b"")

    def offer_bytes(self, offer: bytes) -> None:
        """Offer anything."""
        self._client.publish(self._base + "offer", offer, qos=1, retain=True).wait_for_publish(40)

    def say(self, chunk: bytes) -> None:
        """Send a chunk that nobody asked for."""
        self._client.publish(self._base + "chunk", chunk)

    def _asked(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        identity, *numbers = message.payload.decode().split()
        number, offset, length = map(int, numbers)
        self.requests.append((number, offset, length))
        release = self.release
        if release and identity == release.id:
            answer = self.answer(release, number, offset, length)
            if answer is not None:
                client.publish(self._base + "chunk", answer)


def chunk(release: Release, number: int, offset: int, data: bytes) -> bytes:
    """A chunk with those bytes."""
    return f"{release.id} {number} {offset}\n".encode() + data


def honest(release: Release, number: int, offset: int, length: int) -> bytes:
    """What was asked for."""
    return chunk(release, number, offset, release.part(number)[offset : offset + length])


def equip(flash: Path, *keys: str) -> None:
    """Give a board keys, as a deploy does."""
    deployed = flash / DEPLOYED
    deployed.parent.mkdir(exist_ok=True)
    deployed.touch()
    (flash / "keys.txt").write_text(keys_txt(*keys))


def state_of(flash: Path) -> str:
    """What the boot stage goes by."""
    path = flash / "update/state"
    return path.read_text() if path.exists() else "- - 0 0"


def install(flash: Path, release: Release, slot: str = "a", state: str = "- a 3 0") -> None:
    """Put a release into a slot, as a node does that has fetched it."""
    base = flash / "update"
    places: dict[str, bytes] = {}
    at = 0
    for path, data in release.contents.items():
        places[path] = at.to_bytes(4, "big") + len(data).to_bytes(4, "big")
        at += len(data)
        for folder in Path(path).parents:
            if folder.name:
                places[folder.as_posix()] = bytes(4) + (0x3FFF_FFFF).to_bytes(4, "big")
    index = sorted(hashlib.sha256(path.encode()).digest()[:4] + places[path] for path in places)
    (base / f"{slot}.offer").write_bytes(release.offer)
    (base / f"{slot}.list").write_bytes(release.lines)
    (base / f"{slot}.pack").write_bytes(b"".join(release.contents.values()))
    (base / f"{slot}.index").write_bytes(b"".join(index))
    (base / f"{slot}.mpy").write_bytes(release.contents["lib/node/update/pack.mpy"])
    for copy in (base / "config.json", flash / "config.json.old"):  # it was checked before
        shutil.copyfile(flash / "config.json", copy)
    (base / "format").write_text("1")
    (base / "state").write_text(state)
    (flash / DEPLOYED).unlink(missing_ok=True)


def hurry(flash: Path, seconds: int) -> None:
    """Have the boot stage give a start so many seconds in place of 180."""
    text = (FIRMWARE / "stage.py").read_text()
    for old, new in (
        ("seconds = 180", f"seconds = {seconds}"),
        ("seconds > 60", f"seconds > {seconds // 2}"),
        ("120_000", f"{seconds * 1000}"),
    ):
        assert old in text
        text = text.replace(old, new)
    (flash / STAGE).unlink()
    (flash / STAGE).with_suffix(".py").write_text(text)
