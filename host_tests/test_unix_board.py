"""The simulated board behaves as a board does: pins, interrupts, time, resets, power, Wi-Fi."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS, compiled_port
from tools.play.sim import Bench
from tools.play.sim.control import send
from tools.play.sim.parts import source
from tools.shared.errors import ToolError
from tools.shared.paths import MICROPYTHON
from tools.shared.process import popen

Boot = Callable[..., Bench]


@pytest.fixture(params=WIDTHS)
def boot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Boot]:
    """Boots a board whose main.py is the code given."""
    with ExitStack() as stack:

        def start(code: str, **options: Any) -> Bench:
            (tmp_path / "main.py").write_text(code)
            interpreter = MICROPYTHON[request.param]
            bench = Bench(
                tmp_path, port=compiled_port(), interpreter=interpreter, heap="40K", **options
            )
            stack.enter_context(bench)
            bench.power_on()
            return bench

        yield start


def test_boot_py_then_main_py(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "boot.py").write_text("print('boot')\nraise ValueError('in boot')\n")
    bench = boot("print('main', __name__)")
    bench.wait_for_end()
    assert bench.lines[0] == "boot"
    assert "ValueError: in boot" in bench.lines
    assert bench.lines[-1] == "main __main__"


def test_a_board_knows_which_of_its_starts_it_is(
    boot: Boot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the bench is slow to go on, after it has started the board's process."""

    def slow(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        process = popen(*arguments, **options)
        time.sleep(0.3)
        return process

    monkeypatch.setattr("tools.play.sim.bench.popen", slow)
    bench = boot("from bench import ask\nprint('start', ask('starts'))\n")
    bench.wait_for_end()
    bench.reset()
    bench.wait_for_end()
    assert bench.lines == ["start 1", "start 2"]


def test_pin_pull_signal_and_output(boot: Boot) -> None:
    bench = boot(
        "from machine import Pin, Signal\n"
        "print(Pin(4, Pin.IN, Pin.PULL_UP).value(), Pin(5, Pin.IN).value())\n"
        "led = Pin(2, Pin.OUT, value=1)\n"
        "print(led(), Signal(led, invert=True).value())\n"
        "led.off()\n"
        "print(led.value(), Pin('X1', Pin.IN)())\n"
    )
    bench.wait_for_end()
    assert bench.lines == ["1 0", "1 0", "0 0"]
    assert bench.world.level(2) == 0


def test_every_edge_interrupts(boot: Boot) -> None:
    bench = boot(
        "from machine import Pin\nimport time, gc\n"
        "count = [0, 0]\n"
        "def edge(pin):\n    count[pin.value()] += 1\n"
        "def rise(pin):\n    count[1] += 1000\n"
        "Pin(4, Pin.IN).irq(edge)\n"
        "Pin(5, Pin.IN).irq(rise, Pin.IRQ_RISING)\n"
        "print('ready')\n"
        "while sum(count) < 4000:\n    gc.collect(); time.sleep_ms(1)\n"
        "print('all')\n"
    )
    bench.wait_for_line("ready")
    for i in range(2000):
        bench.set_pin(4, 1 - i % 2)
    bench.set_pin(5, 1)
    bench.set_pin(5, 0)
    bench.set_pin(5, 1)
    bench.wait_for_line("all", 20)


def test_adc_reads_its_model(boot: Boot) -> None:
    bench = boot(
        "from machine import ADC, Pin\n"
        "a = ADC(Pin(34)); a.atten(ADC.ATTN_11DB)\n"
        "print(a.read_uv(), a.read_u16(), ADC(35).read_u16())\n",
        parts={"adc:34": {"model": "constant", "volts": 1.1}},
    )
    bench.wait_for_end()
    assert bench.lines == ["1100000 21845 32767"]


def test_timer(boot: Boot) -> None:
    bench = boot(
        "from machine import Timer\nimport time\n"
        "n = []\n"
        "t = Timer(0, period=20, mode=Timer.PERIODIC, callback=lambda t: n.append(1))\n"
        "while len(n) < 5: time.sleep_ms(1)\n"
        "t.deinit(); k = len(n)\n"
        "o = []\n"
        "Timer(1).init(period=10, mode=Timer.ONE_SHOT, callback=lambda t: o.append(1))\n"
        "time.sleep_ms(100)\n"
        "print(len(n) - k <= 1, len(o))\n"
    )
    bench.wait_for_end()
    assert bench.lines == ["True 1"]


RESETS = """
import machine
cause = machine.reset_cause()
print(cause, machine.RTC().memory())
machine.RTC().memory(b"kept%d" % cause)
if cause == machine.PWRON_RESET: machine.reset()
if cause == machine.HARD_RESET: machine.soft_reset()
if cause == machine.SOFT_RESET: machine.deepsleep(50)
if cause == machine.DEEPSLEEP_RESET:
    machine.WDT(timeout=200)
    while True: pass
"""


def test_resets_their_causes_and_the_memory_that_survives(boot: Boot) -> None:
    bench = boot(RESETS)
    bench.wait_for_resets(5)
    bench.wait_for_end()
    assert bench.resets == ["power on", "reset", "soft", "wake", "watchdog"]
    assert bench.lines == ["1 b''", "2 b'kept1'", "5 b'kept2'", "4 b'kept5'", "3 b'kept4'"]
    bench.power_cut()
    bench.wait_for_line("1 b''", start=5)


def test_watchdog_that_is_fed_does_not_bite(boot: Boot) -> None:
    bench = boot(
        "import machine, time\nw = machine.WDT(timeout=300)\n"
        "for i in range(10):\n    time.sleep_ms(60); w.feed()\n"
        "print('alive')\n"
    )
    bench.wait_for_line("alive")
    assert len(bench.resets) == 1


def test_what_was_not_flushed_is_lost(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("some and ")
    bench = boot(
        "open('lost', 'w').write('x')\n"
        "f = open('kept', 'w'); f.write('y'); f.flush(); f.write('z')\n"
        "g = open('old', 'a'); g.write('more'); g.close()\n"
        "print('written')\nimport time; time.sleep(60)\n"
    )
    bench.wait_for_line("written")
    bench.power_off()
    assert not (tmp_path / "lost").exists()
    assert (tmp_path / "kept").read_text() == "y"
    assert (tmp_path / "old").read_text() == "some and more"


WIFI = """
import network
w = network.WLAN(network.STA_IF)
w.active(True)
print([s[0] for s in w.scan()], w.status("rssi"))
for ssid, key in (("x", "password"), ("air", "wrong"), ("air", "password")):
    w.connect(ssid, key)
    print(w.isconnected(), w.status())
print("ready")
import time
while w.isconnected(): time.sleep_ms(5)
print("gone", w.status(), w.scan())
"""


def test_wifi_and_its_failures(boot: Boot) -> None:
    bench = boot(WIFI, wifi={"ssid": "air", "password": "password", "rssi": -71})
    bench.wait_for_line("ready")
    assert bench.lines[:4] == ["[b'air'] -71", "False 201", "False 202", "True 1010"]
    bench.wifi_down()
    bench.wait_for_line("gone 201")


def test_control_socket(boot: Boot) -> None:
    bench = boot("from machine import Pin\nprint('up')\nimport time; time.sleep(60)")
    bench.wait_for_line("up")
    address = bench.control_address
    assert send(address, {"do": "pin", "pin": 7, "level": 1}) == {"ok": True}
    assert bench.world.level(7) == 1
    assert "dance" in send(address, {"do": "dance"})["error"]
    assert "pin" in send(address, {"do": "press"})["error"]
    assert send(address, {"do": "state"})["lines"] == ["up"]
    assert send(address, {"do": "power_cut"}) == {"ok": True}
    assert bench.resets == ["power on", "power on"]


def test_nothing_is_left_behind(boot: Boot) -> None:
    bench = boot("import time; time.sleep(60)")
    address, process = bench.control_address, bench._process
    assert process and process.poll() is None
    bench.close()
    assert process.poll() is not None
    with pytest.raises(OSError):
        socket.create_connection(address, 1)


def test_models(tmp_path: Path) -> None:
    recorded = tmp_path / "volts.csv"
    recorded.write_text("t,volts\n0,0.5\n1,0.7\n")
    for model in (
        {"model": "constant", "volts": 1},
        {"model": "waveform", "shape": "triangle", "period_s": 1},
        {"model": "csv", "file": str(recorded), "column": "volts"},
        {"model": "host", "figure": "load"},
        {"model": "host", "figure": "memory"},
        {"model": "host", "figure": "temperature"},
    ):
        assert source(model)() >= 0
    for bad, said in (
        ({"model": "magic"}, "no model 'magic'"),
        ({"model": "host", "figure": "mood"}, "no figure 'mood'"),
        ({"model": "waveform", "shape": "round"}, "no shape 'round'"),
        ({"model": "constant", "amps": 1}, "model constant"),
    ):
        with pytest.raises(ToolError, match=said):
            source(bad)


SLEEPS = """
import machine
from machine import Pin
cause = machine.reset_cause()
kept = machine.RTC().memory()
print(cause, kept, "there" if "left" in globals() else "gone")
left = 1
if cause == machine.PWRON_RESET:
    Pin(4, Pin.OUT, value=1)
    machine.RTC().memory(b"kept")
    machine.deepsleep(%d)
"""


def test_a_deep_sleep_keeps_the_rtc_memory_alone(boot: Boot) -> None:
    bench = boot(SLEEPS % 3_600_000, nights="held")
    bench.wait_for_sleeps(1)
    assert bench.asleep and not bench.powered
    assert bench.sleeps == [3_600_000]
    assert bench.world.level(4) == 0  # it floats
    before = bench.world.clock_offset
    bench.wake()
    bench.wait_for_line("4 b'kept' gone")
    assert bench.world.clock_offset == before + 3600
    assert bench.resets == ["power on", "wake"]


def test_a_power_cut_ends_a_deep_sleep_and_its_memory(boot: Boot) -> None:
    bench = boot(SLEEPS % 3_600_000)
    bench.wait_for_sleeps(1)
    bench.power_cut()
    bench.wait_for_sleeps(2)
    assert bench.lines == ["1 b'' gone", "1 b'' gone"]


def test_an_esp8266_sleeps_71_minutes_at_most_and_wakes_by_its_wire(boot: Boot) -> None:
    bench = boot(SLEEPS % 4_294_968, chip="esp8266", wired=False)
    bench.wait_for_sleeps(1)
    assert bench.sleeps == [1]  # it wrapped
    with pytest.raises(ToolError, match="never wakes"):
        bench.wake()


def test_the_rtc_memory_has_a_size(boot: Boot) -> None:
    bench = boot(
        "import machine\n"
        "for n in (492, 493):\n"
        "    try: machine.RTC().memory(bytes(n)); print(n)\n"
        "    except ValueError as error: print(error)\n",
        chip="esp8266",
    )
    bench.wait_for_end()
    assert bench.lines == ["492", "buffer too long"]
