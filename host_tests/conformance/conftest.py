"""A client of either kind inside MicroPython, and a far end in the test's hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host_tests.conformance.far import WAIT_S, FarEnd
from host_tests.interop.device import CLIENTS, Device, DeviceError

ENDS = ("LinkError", "ProtocolError", "OSError", "MemoryError")  # and then comes reconnect()
QUICK = {"answer_ms": 300, "connect_ms": 2000}  # deadlines of a client that is to notice soon


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


class Client(Device):
    """A client as host_tests.interop has it, with what is needed against a far end of our own."""

    heap = "16M"  # for topics that are too long, and for much that waits

    def __init__(self, kind: str, far: FarEnd) -> None:
        super().__init__(kind, {4: "3.1.1", 5: "5"}[far.version], far.port, 2000)
        self.kind = kind
        self.far = far
        self._meeting = 0  # the connection it has; the next may begin at any time

    def up(self, *filters: str, **options: Any) -> None:
        """Connect without user and password, and subscribe with QoS 2."""
        self._do("open", **self._options(options))
        self._meeting = len(self.far.meetings) - 1
        for each in filters:
            self.subscribe(each, 2)

    def refused(self, **options: Any) -> DeviceError:
        """The error with which the client will not even begin."""
        try:
            self._do("open", **self._options(options))
        except DeviceError as error:
            return error
        raise AssertionError(f"it took {options}")

    def try_publish(self, topic: str, payload: str = "", qos: int = 0) -> DeviceError | None:
        """Publish; returns the error, if there was one."""
        try:
            self.publish(topic, payload, qos)
        except DeviceError as error:
            return error
        return None

    def begin(self, topic: str, payload: str, qos: int = 1) -> None:
        """Hand a message over without waiting for its acknowledgement."""
        self._do("begin", topic=topic, payload=payload, qos=qos)

    def waiting(self) -> int:
        """Messages that are not acknowledged."""
        return int(self._do("waiting"))

    def pump(self) -> None:
        """Have the blocking client look at what has come; the other looks by itself."""
        if self.kind == "blocking":
            self._do("pump")

    def pump_until_end(self) -> str:
        """Have the client find out that its connection is of no use, and end it; the error."""
        said = self.pump_until_error()
        self.far.wait_end(self._meeting)
        return said

    def pump_until_error(self) -> str:
        """Have the client find out that its connection is of no use; returns the error."""
        if self.kind == "blocking":
            try:
                while True:
                    self._do("pump")
            except DeviceError as error:
                assert error.name in ENDS, error
                return str(error)
        return str(self._do("lost"))

    def wait_reconnect(self, count: int) -> None:
        """Wait until the client is connected for the so-manyeth time."""
        if self.kind == "blocking":
            self.reconnect()
        else:
            self._do("connected", count=count)
        self._meeting = len(self.far.meetings) - 1

    def start(self, **options: Any) -> None:
        """Begin to connect, and do not wait for it; the asyncio client alone."""
        self._do("open", wait=False, **self._options(options))

    def wait_up(self) -> None:
        """Wait until the client is connected; the asyncio client alone."""
        self._do("connected", count=1)

    def handler(self, name: str) -> None:
        """Set what happens with a message: "none", "raises" or "publishes"."""
        self._do("handler", name=name)

    def begin_subscribe(self, topic: str) -> None:
        """Ask for a filter without waiting for the answer."""
        self._do("begin_subscribe", topic=topic)

    def fill(self, leave: int) -> None:
        """Fill the heap, except for so many bytes."""
        self._do("fill", leave=leave)

    def free(self) -> None:
        """Undo that."""
        self._do("free")

    def until_waiting(self, count: int) -> None:
        """Serve until so many messages are not acknowledged."""
        self._do("until_waiting", count=count)

    def got(self) -> list[str]:
        """The payloads that have been delivered until now."""
        return [payload for _, payload, *_ in self._do("receive", count=0, timeout_ms=0)]

    @staticmethod
    def failure(call: Callable[[Any], None], argument: Any) -> str:
        """The name of the error that a call raises, "" if none."""
        try:
            call(argument)
        except DeviceError as error:
            return error.name
        return ""

    def count(self, name: str) -> int:
        """A counter of the session."""
        return int(self._do("count", name=name))

    def wait_count(self, name: str, value: int) -> None:
        """Wait until a counter of the session has that value."""
        until = time.monotonic() + WAIT_S
        while self.count(name) != value:
            assert time.monotonic() < until, (name, self.count(name))
            self.pump()

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {
            "port": self.port, "client_id": "petrel", "clean": True, "will": None,
            "user": None, "password": None, "buffer": 512, "version": self.far.version,
        }  # fmt: skip
        return options | given


@pytest.fixture(params=[*CLIENTS, *(f"{kind}-5" for kind in CLIENTS)])
def client(request: pytest.FixtureRequest, far: FarEnd) -> Iterator[Client]:
    """Either client, over MQTT 3.1.1 and over 5."""
    kind, _, five = request.param.partition("-")
    far.version = 5 if five else 4
    with Client(kind, far) as device:
        yield device


@pytest.fixture(params=CLIENTS)
def client4(request: pytest.FixtureRequest, far: FarEnd) -> Iterator[Client]:
    """Either client, for what MQTT 5 has otherwise."""
    with Client(request.param, far) as device:
        yield device
