"""A hub that behaves as Azure's documentation says of IoT Hub, for the tests of nodes and SDKs.

It ends a connection on everything that the documentation forbids, and notes it: `violations`. It
is stricter in one thing: Azure makes a property of RETAIN, and this hub ends the connection.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
import select
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST = 262_144  # bytes of a message
FILTERS = 5
KEEPALIVE_S = 1177
WAIT_S = 60.0
TWIN_BYTES = 32_768  # of the desired properties, and of the reported ones
_DEPTH = 10  # of objects in a twin
_TWIN = "$iothub/twin/"
_METHODS = "$iothub/methods/"
_DPS = "$dps/registrations/"
_DESIRED = _TWIN + "PATCH/properties/desired/#"


class Ended(Exception):
    """Ends the connection. Its text says what the device did wrong; empty if nothing."""


@dataclass
class Device:
    """What the hub knows of a device; key: in base64."""

    id: str
    key: str
    connection: Connection | None = None
    session: bool = False
    filters: dict[str, int] = field(default_factory=dict)
    telemetry: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    reported: dict[str, Any] = field(default_factory=lambda: {"$version": 1})
    desired: dict[str, Any] = field(default_factory=lambda: {"$version": 1})
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)  # messages for it, until acknowledged
    connects: int = 0
    passwords: int = 0  # that it has come with
    expired: int = 0  # connections that ended with their password
    last: str = ""  # password
    trace: list[str] = field(default_factory=list)  # its packets, without what is random in them


class Hub:
    """A hub on loopback, with TLS; a context manager."""

    def __init__(self, name: str, cert: Path, key: Path, port: int = 0, speed: int = 1) -> None:
        self.name = name
        self.began = int(time.time())
        self.speed = speed  # of its clock
        self.violations: list[str] = []
        self.on_violation: Callable[[str], None] = lambda said: None
        self.on_telemetry: Callable[[Device, dict[str, str], bytes], None] = lambda *_: None
        self.devices: dict[str, Device] = {}
        self.enrolled: dict[str, str] = {}  # the scopes of registrations
        self.registered: list[str] = []
        self.changed = threading.Condition()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._numbers = itertools.count(1)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Hub:
        self._start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for device in self.devices.values():
            if device.connection:
                device.connection.cut()
        for thread in self._threads:
            thread.join(WAIT_S)

    def enroll(self, scope: str, registration: str) -> str:
        """Have the provisioning service, which is at the same address, know a device.

        Returns what the device needs for it. The service makes the device of that name.
        """
        self.enrolled[registration] = scope
        key = self.add(registration).key
        return (
            f"HostName={self.name};IdScope={scope};RegistrationId={registration};"
            f"SharedAccessKey={key}"
        )

    def add(self, name: str) -> Device:
        """Make a device, with a key of its own."""
        key = base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()
        self.devices[name] = Device(name, key)
        return self.devices[name]

    def string(self, device: Device) -> str:
        """Its connection string."""
        return f"HostName={self.name};DeviceId={device.id};SharedAccessKey={device.key}"

    def until(self, true: Callable[[], Any], seconds: float = WAIT_S) -> bool:
        """Wait for something to become true; False if it didn't."""
        with self.changed:
            return bool(self.changed.wait_for(true, seconds))

    def wait(self, true: Callable[[], Any], what: str) -> None:
        """Wait for something to become true, or raise AssertionError."""
        if not self.until(true):
            raise AssertionError(f"waited in vain for {what}; violations: {self.violations}")

    def call(
        self, device: Device, method: str, payload: Any = None, seconds: float = WAIT_S
    ) -> tuple[int, Any]:
        """Call a direct method; returns its status and answer. Raises TimeoutError without one."""
        request = f"{next(self._numbers):x}"
        topic = f"{_METHODS}POST/{method}/?$rid={request}"
        if not (self.until(lambda: self.hears(device, topic), seconds) and device.connection):
            raise TimeoutError(f"{device.id} doesn't listen to methods")
        device.connection.publish(topic, json.dumps(payload).encode())
        if not self.until(lambda: request in device.answers, seconds):
            raise TimeoutError(f"{device.id} hasn't answered to {method}")
        status, answer = device.answers.pop(request)
        return status, json.loads(answer)

    def send(self, device: Device, payload: str) -> None:
        """Send a message from the cloud; it waits until the device has acknowledged it."""
        number = next(self._numbers)
        with self.changed:
            device.waiting[number] = payload
            connection = device.connection
        if connection and self.hears(device, bound(device)):
            connection.message(number)

    def expire(self, device: Device) -> None:
        """Have the password of its connection end now."""
        if device.connection:
            device.connection.until = 0

    def desire(self, device: Device, patch: dict[str, Any]) -> int:
        """Change desired properties; a device that isn't there has to ask. Returns the version."""
        if said := _wrong(patch):
            raise ValueError(said)
        with self.changed:
            merge(device.desired, patch)
            version = device.desired["$version"] = device.desired["$version"] + 1
        topic = f"{_TWIN}PATCH/properties/desired/?$version={version}"
        if device.connection and _DESIRED in device.filters:
            device.connection.publish(topic, json.dumps({**patch, "$version": version}).encode())
        return int(version)

    def cut(self, device: Device) -> None:
        """End its connection, as an outage does."""
        if device.connection:
            device.connection.cut()

    def now(self) -> float:
        """The time by its clock."""
        return self.began + (time.time() - self.began) * self.speed

    def violated(self, said: str) -> None:
        """Note what a device did that it may not do."""
        with self.changed:
            self.violations.append(said)
        self.on_violation(said)

    @staticmethod
    def hears(device: Device, topic: str) -> bool:
        """Whether it is connected, and has subscribed to that topic."""
        return bool(device.connection) and any(
            topic.startswith(each.removesuffix("#")) for each in device.filters
        )

    def _start(self, target: Any, *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, plain)

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as sock:
                Connection(self, sock).serve()
        except OSError:
            plain.close()


def bound(device: Device) -> str:
    """Where the messages for a device begin."""
    return f"devices/{device.id}/messages/devicebound/"


class Connection:
    """One connection of a device."""

    def __init__(self, hub: Hub, sock: ssl.SSLSocket) -> None:
        self._hub = hub
        self._sock = sock
        self._lock = threading.Lock()
        self._device: Device | None = None
        self.until = float("inf")
        self._pids = itertools.cycle(range(1, 65_536))
        self._messages: dict[int, int] = {}  # those that were sent, by packet identifier

    def serve(self) -> None:
        """Serve it until it ends."""
        try:
            self._sock.settimeout(0.2)
            self._connect(*self._packet())
            while True:
                first, body = self._packet()
                self._take(first, body)
        except Ended as ended:
            if str(ended):
                self._hub.violated(str(ended))
        finally:
            with self._hub.changed:
                if self._device and self._device.connection is self:
                    self._device.connection = None
                self._hub.changed.notify_all()

    def cut(self) -> None:
        """End it silently."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended

    def publish(self, topic: str, payload: bytes) -> None:
        """Send the device a message."""
        self._publish_as(next(self._pids), topic, payload)

    def message(self, number: int) -> None:
        """Send the device one of the messages that wait for it."""
        device = self._device
        assert device
        pid = next(self._pids)
        with self._hub.changed:
            self._messages[pid] = number
            payload = device.waiting[number].encode()
        where = bound(device)
        told = urllib.parse.urlencode({"$.to": f"/{where[:-1]}", "$.mid": number})
        self._publish_as(pid, where + told, payload)

    def _publish_as(self, pid: int, topic: str, payload: bytes) -> None:
        name = topic.encode()
        body = len(name).to_bytes(2, "big") + name
        self._send(0x32, body + pid.to_bytes(2, "big") + payload)

    def _acknowledged(self, pid: int) -> None:
        assert self._device
        with self._hub.changed:
            self._device.waiting.pop(self._messages.pop(pid, 0), None)
            self._hub.changed.notify_all()

    def _backlog(self) -> None:
        """Send what waited for the device, once it listens."""
        device = self._device
        assert device
        with self._hub.changed:
            sent = self._messages.values()
            numbers = [number for number in device.waiting if number not in sent]
        if Hub.hears(device, bound(device)):
            for number in numbers:
                self.message(number)

    # --- packets

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if self._hub.now() > self.until:
                if self._device:
                    self._device.expired += 1
                raise Ended  # as the hub does; a device connects again before
            try:
                if not self._sock.pending() and not select.select([self._sock], [], [], 0.2)[0]:
                    continue
                with self._lock:  # OpenSSL's connections are for one thread at a time
                    piece = self._sock.recv(count - len(data))
            except TimeoutError:
                continue
            except (OSError, ValueError):  # it was cut, and has no number any more
                raise Ended from None
            if not piece:
                raise Ended
            data += piece
        return data

    def _packet(self) -> tuple[int, bytes]:
        first = self._read(1)[0]
        size = shift = 0
        while True:
            byte = self._read(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if size > MOST:
            raise Ended(f"a packet of {size} bytes")
        return first, self._read(size)

    def _send(self, first: int, body: bytes = b"") -> None:
        size, length = len(body), bytearray()
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        length.append(size)
        with self._lock:
            try:
                self._sock.sendall(bytes((first,)) + length + body)
            except OSError:
                pass  # it has ended; the reader sees it

    # --- CONNECT

    def _connect(self, first: int, body: bytes) -> None:
        if first != 0x10 or body[:7] != b"\0\4MQTT\4":
            raise Ended(f"no CONNECT of MQTT 3.1.1: {body[:10]!r}")
        flags, keepalive = body[7], int.from_bytes(body[8:10], "big")
        fields, at = [], 10
        while at < len(body):
            size = int.from_bytes(body[at : at + 2], "big")
            fields.append(body[at + 2 : at + 2 + size])
            at += 2 + size
        name = fields[0].decode()
        device = self._hub.devices.get(name)
        if keepalive > KEEPALIVE_S:
            raise Ended(f"keep alive {keepalive}")
        if flags & 4:
            if flags & 0x20 or flags >> 3 & 3 == 2:
                raise Ended("a will with RETAIN or QoS 2")
            self._check_topic(name, fields[1].decode())
        user, password = fields[-2].decode(), fields[-1].decode()
        if "/registrations/" in user:
            self._provision(name, user, password)
            return
        if device is None or not self._may(device, user, password):
            self._send(0x20, b"\0\5")
            raise Ended(f"{name} may not connect, as {user}")
        with self._hub.changed:
            if device.connection:
                device.connection.cut()
            device.connection = self
            device.connects += 1
            will = f", will {plain_topic(fields[1].decode())}" if flags & 4 else ""
            device.trace.append(f"CONNECT as {plain_topic(user)}{will}")
            device.passwords += password != device.last
            device.last = password
            present = device.session and not flags & 2
            device.session = not flags & 2
            if not present:
                device.filters.clear()
            self._device = device
        self._send(0x20, bytes((present, 0)))
        self._backlog()
        with self._hub.changed:
            self._hub.changed.notify_all()

    # --- the provisioning service

    def _provision(self, name: str, user: str, password: str) -> None:
        """Serve a connection to the provisioning service."""
        scope = self._hub.enrolled.get(name, "")
        where = f"{scope}/registrations/{name}"
        device = self._hub.devices.get(name)
        good = user.startswith(f"{where}/api-version=")
        if not (scope and device and good and self._signed(device, where, password)):
            self._send(0x20, b"\0\5")
            raise Ended(f"{name} may not register, as {user}")
        self._send(0x20, b"\0\0")
        while True:
            first, body = self._packet()
            pid = body[:2]
            if first == 0x82 and body[4:-1] == f"{_DPS}res/#".encode():
                self._send(0x90, pid + b"\1")
            elif first & 0xF0 == 0x30 and first & 6 < 4 and not first & 1:
                self._register(name, first, body)
            elif first == 0xC0:
                self._send(0xD0)
            elif first == 0xE0:
                raise Ended
            elif first & 0xF0 not in (0x40, 0xA0):
                raise Ended(f"packet 0x{first:02x} to the provisioning service")

    def _register(self, name: str, first: int, body: bytes) -> None:
        size = int.from_bytes(body[:2], "big")
        topic = body[2 : 2 + size].decode()
        if first & 6:
            self._send(0x40, body[2 + size : 4 + size])
        number = topic.partition("$rid=")[2].partition("&")[0]
        operation = f"op-{name}"
        answer: dict[str, Any] = {"operationId": operation, "status": "assigning"}
        if topic == f"{_DPS}PUT/iotdps-register/?$rid={number}":
            payload = body[2 + size + (2 if first & 6 else 0) :]
            if json.loads(payload).get("registrationId") != name:
                raise Ended("a registration for another")
            self.publish(
                f"{_DPS}res/202/?$rid={number}&retry-after=1", json.dumps(answer).encode()
            )
        elif (
            topic == f"{_DPS}GET/iotdps-get-operationstatus/?$rid={number}&operationId={operation}"
        ):
            state = {"assignedHub": self._hub.name, "deviceId": name, "status": "assigned"}
            answer |= {"status": "assigned", "registrationState": state}
            with self._hub.changed:
                self._hub.registered.append(name)
                self._hub.changed.notify_all()
            self.publish(f"{_DPS}res/200/?$rid={number}", json.dumps(answer).encode())
        else:
            raise Ended(f"a message to {topic}")

    # --- passwords

    def _may(self, device: Device, user: str, password: str) -> bool:
        place, question, rest = user.partition("/?")
        if place != f"{self._hub.name}/{device.id}" or not question or "api-version=" not in rest:
            return False
        return self._signed(device, f"{self._hub.name}/devices/{device.id}", password)

    def _signed(self, device: Device, place: str, password: str) -> bool:
        kind, _, fields = password.partition(" ")
        told = dict(part.split("=", 1) for part in fields.split("&"))
        if kind != "SharedAccessSignature" or not {"sr", "sig", "se"} <= told.keys():
            return False
        signed = f"{told['sr']}\n{told['se']}".encode()
        key = base64.b64decode(device.key)
        wanted = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        self.until = int(told["se"])
        good = urllib.parse.unquote(told["sr"]) == place
        return good and wanted == urllib.parse.unquote(told["sig"]) and (
            self.until > self._hub.now()
        )  # fmt: skip

    # --- what follows

    def _take(self, first: int, body: bytes) -> None:
        kind = first & 0xF0
        if kind == 0x30:
            self._publish(first, body)
        elif kind == 0x80:
            self._subscribe(body)
        elif kind == 0xA0:
            assert self._device
            self._device.filters.pop(body[4:].decode(), None)
            self._send(0xB0, body[:2])
        elif kind == 0xC0:
            self._send(0xD0)
        elif kind == 0xE0:
            raise Ended
        elif kind == 0x40:
            self._acknowledged(int.from_bytes(body[:2], "big"))
        else:
            raise Ended(f"packet 0x{first:02x}")

    def _subscribe(self, body: bytes) -> None:
        device = self._device
        assert device
        at = 2
        asked: dict[str, int] = {}
        known = (
            f"devices/{device.id}/messages/devicebound/#", _TWIN + "res/#",
            _DESIRED, _METHODS + "POST/#",
        )  # fmt: skip
        while at < len(body):
            size = int.from_bytes(body[at : at + 2], "big")
            name = body[at + 2 : at + 2 + size].decode()
            qos = body[at + 2 + size]
            at += 3 + size
            asked[name] = min(qos, 1)
        if len(device.filters | asked) > FILTERS:
            raise Ended("a sixth subscription")
        for name in asked:
            if name not in known:
                raise Ended(f"a subscription to {name}")
        device.filters.update(asked)
        device.trace.extend(f"SUBSCRIBE {name}" for name in asked)
        self._send(0x90, body[:2] + bytes(asked.values()))
        self._backlog()
        with self._hub.changed:
            self._hub.changed.notify_all()

    def _publish(self, first: int, body: bytes) -> None:
        device = self._device
        assert device
        qos = first >> 1 & 3
        if first & 1:
            raise Ended("RETAIN")
        if qos == 2:
            raise Ended("QoS 2")
        size = int.from_bytes(body[:2], "big")
        topic = body[2 : 2 + size].decode()
        pid = body[2 + size : 4 + size] if qos else b""
        payload = body[2 + size + len(pid) :]
        self._check_topic(device.id, topic)
        device.trace.append(f"PUBLISH {plain_topic(topic)}")
        with self._hub.changed:
            answer = self._act(device, topic, payload)
            self._hub.changed.notify_all()
        if qos:
            self._send(0x40, pid)
        if answer:
            self.publish(*answer)

    def _check_topic(self, device: str, topic: str) -> None:
        good = (
            f"devices/{device}/messages/events/", _TWIN + "GET/?$rid=",
            _TWIN + "PATCH/properties/reported/?$rid=", _METHODS + "res/",
        )  # fmt: skip
        if not topic.startswith(good):
            raise Ended(f"a message to {topic}")

    def _act(self, device: Device, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        number = topic.partition("$rid=")[2]
        if topic.startswith("devices/"):
            bag = topic.partition("/messages/events/")[2]
            told = dict(urllib.parse.parse_qsl(bag, strict_parsing=True)) if bag else {}
            device.telemetry.append((told, payload))
            self._hub.on_telemetry(device, told, payload)
        elif topic.startswith(_METHODS):
            status = topic.removeprefix(_METHODS + "res/").partition("/")[0]
            device.answers[number] = int(status), payload
        elif topic.startswith(_TWIN + "GET/"):
            twin = {"desired": device.desired, "reported": device.reported}
            return f"{_TWIN}res/200/?$rid={number}", json.dumps(twin).encode()
        else:
            patch = json.loads(payload)
            if said := _wrong(patch):
                self._hub.violated(f"a report: {said}")
                return f"{_TWIN}res/400/?$rid={number}", b""
            merge(device.reported, patch)
            version = device.reported["$version"] = device.reported["$version"] + 1
            return f"{_TWIN}res/204/?$rid={number}&$version={version}", b""
        return None


def plain_topic(topic: str) -> str:
    """A topic, or a user, without the number of a request and the client's own words."""
    topic = re.sub(r"(\$rid=)[^&]*", r"\1N", topic)
    topic = re.sub(r"(api-version=)[^&]*.*", r"\1N", topic)
    head, events, bag = topic.partition("/messages/events/")
    return head + events + "&".join(sorted(bag.split("&")))


def merge(properties: dict[str, Any], patch: dict[str, Any]) -> None:
    """As twins and shadows do it: null removes, objects are merged, all else is replaced."""
    for key, value in patch.items():
        if value is None:
            properties.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(properties.get(key), dict):
                properties[key] = {}
            merge(properties[key], value)
        else:
            properties[key] = value


def _wrong(patch: Any, depth: int = 0) -> str:
    """What a twin doesn't take of a patch; empty if nothing."""
    if not depth and (not isinstance(patch, dict) or len(json.dumps(patch)) > TWIN_BYTES):
        return "no object, or too large"
    if depth > _DEPTH:
        return f"deeper than {_DEPTH}"
    if isinstance(patch, dict):
        for key, value in patch.items():
            if not key or len(key) > 1024 or any(sign in ".$ " or sign < " " for sign in key):
                return f"the key {key!r}"
            if said := _wrong(value, depth + 1):
                return said
    if isinstance(patch, list):
        return next((said for each in patch if (said := _wrong(each, depth + 1))), "")
    return f"a text of {len(patch)} bytes" if isinstance(patch, str) and len(patch) > 4096 else ""
