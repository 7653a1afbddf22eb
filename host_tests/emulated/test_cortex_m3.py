"""Both MQTT clients on a Cortex-M3 without an operating system, in a heap of 36 or 42 KB.

Its second UART is the connection: what comes there is carried to a real Mosquitto.
"""

from __future__ import annotations

import pytest

from host_tests.emulated.cortex import LITTLEFS, ROMFS, Board, Raised
from host_tests.harness.line import BridgeProcess
from host_tests.harness.mqtt_line import CONNECT, PINGREQ, MqttLine
from tools.lab.emulator.tty import Tty
from tools.make.firmware import qemu
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber

READINGS = 1000
LOST = 20  # packets from the Cortex-M3, after which the connection is lost for the first time
RESTART = 500  # and after which the broker goes away
ECHOES = 30  # fewer than the asyncio client's inbox holds
PUBACK = 0x40
BOTH = ("blocking", "waiting")  # the second uses asyncio


# From littlefs all bytecode is in the heap; there the blocking client needs 42 KB to come back,
# because it asks for a pool of names in one piece, and the asyncio client needs more.
@pytest.mark.parametrize(
    ("kind", "client"), [(ROMFS, "blocking"), (ROMFS, "waiting"), (LITTLEFS, "blocking")]
)
def test_1000_readings_arrive_over_a_restart_of_the_broker_and_leave_the_heap_as_it_was(
    cortex: Board, broker: Broker, kind: str, client: str
) -> None:
    """While the broker is away the line is cut until the subscriber is back: see test_clients."""
    with (
        Subscriber(broker, "readings") as seen,
        cortex.start(kind, qemu.HEAP + (6144 if kind == LITTLEFS else 0)) as board,
        MqttLine(board.uart.fileno(), broker) as line,
    ):
        line.cut(after=LOST)
        board.start(f"import readings\nreadings.{client}({READINGS})")
        line.wait_cut(30)
        line.cut(after=RESTART)
        line.wait_cut(30)
        seen.catch_up()
        broker.kill()
        broker.start()
        seen.wait_subscribed()
        line.repair()
        said = _pairs(board.finish(60))
        seen.seen(lambda topic, payload: int(payload) == READINGS - 1, 10)
    got = [int(payload) for _, payload in seen.messages]
    assert list(dict.fromkeys(got)) == list(range(READINGS))
    first, last = said["lost"]
    assert 1 <= first < last
    before, after = said["free"]
    # What decides when to come back is loaded once, after the second end. With its names the
    # asyncio client needs another pool of them.
    assert before - after <= (4352 if client == "waiting" else 2560)


def test_readings_in_frames_through_the_bridge(cortex: Board, broker: Broker) -> None:
    """make bridge carries them to the broker, and is killed and started again on the way."""
    with (
        Subscriber(broker, "readings") as seen,
        cortex.start() as board,
        Tty(board.uart) as tty,
        BridgeProcess(tty.name, broker) as bridge,
    ):
        board.start("import framed\nframed.blocking(300, 200)")
        board.wait("connected", 60)
        seen.seen(lambda topic, payload: int(payload) >= 100, 30)
        bridge.kill()
        bridge.start()
        said = _pairs(board.finish(90))
        seen.seen(lambda topic, payload: int(payload) == 299, 10)
    got = [int(payload) for _, payload in seen.messages]
    assert list(dict.fromkeys(got)) == list(range(300))
    assert said["lost"][0] >= 1
    before, after = said["free"]
    assert after == before


def _pairs(output: str) -> dict[str, list[int]]:
    """The numbers that were printed behind each word."""
    found: dict[str, list[int]] = {}
    for line in output.splitlines():
        word, number = line.split()
        found.setdefault(word, []).append(int(number))
    return found


@pytest.mark.parametrize("client", BOTH)
def test_qos_1_both_ways(cortex: Board, broker: Broker, client: str) -> None:
    payloads = [f"message {number}" for number in range(ECHOES)]
    with (
        Subscriber(broker, "from/#") as seen,
        cortex.start() as board,
        MqttLine(board.uart.fileno(), broker) as line,
    ):
        board.start(f"import echo\necho.{client}({ECHOES})")
        board.wait("ready")
        for payload in payloads:
            seen.publish("to/cortex", payload)
        board.finish()
        assert seen.seen(lambda topic, payload: payload == payloads[-1], 10)
        assert [payload for _, payload in seen.messages] == payloads
        assert line.sent.count(PUBACK) == ECHOES


@pytest.mark.parametrize("client", BOTH)
def test_the_keep_alive_is_kept_and_finds_a_broker_that_is_silent(
    cortex: Board, broker: Broker, client: str
) -> None:
    with (
        Subscriber(broker, "back") as seen,
        cortex.start() as board,
        MqttLine(board.uart.fileno(), broker) as line,
    ):
        board.start(f"import quiet\nquiet.{client}()")
        board.wait("ready")
        line.wait_sent(PINGREQ, 2, 20)
        assert line.sent.count(CONNECT) == 1
        broker.suspend()
        line.wait_sent(CONNECT, 2, 20)
        broker.resume()
        said = board.finish(30)
        assert said.startswith("lost:"), said
        seen.wait("back")


def test_what_is_raised_there_is_told_with_its_traceback(cortex: Board) -> None:
    with cortex.start() as board, pytest.raises(Raised, match="ZeroDivisionError"):
        board.run("print('before')\n1 // 0")


def test_the_heap_is_that_of_a_small_board(cortex: Board) -> None:
    with cortex.start() as board:
        size = int(board.run("import gc\nprint(gc.mem_alloc() + gc.mem_free())"))
    assert 0.95 * qemu.HEAP < size < qemu.HEAP
