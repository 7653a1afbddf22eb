"""The bench: the supply and the console of one simulated board, and what is wired to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.play.sim.chips import CHIPS
from tools.play.sim.control import Control
from tools.play.sim.relay import Relay
from tools.play.sim.wire import Wire
from tools.play.sim.world import World
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, MICROPYTHON
from tools.shared.process import popen

WIFI = {"ssid": "bench", "password": "petrel-bench"}  # unless another is given
PWRON, HARD, WDT, DEEPSLEEP, SOFT = 1, 2, 3, 4, 5
Y2000 = 946_684_800
BUSY_S = 5  # a board that does not rest for so long is interrupted all the same
TIMER = 4
WAKE_REASONS = {"pin": 2, "touch": 5}
CAUSES = {PWRON: "power on", HARD: "reset", WDT: "watchdog", DEEPSLEEP: "wake", SOFT: "soft"}


class Bench:
    """One simulated board and everything outside of it; a context manager.

    flash: the folder that is its file system; port: the compiled boards/UNIX
    parts: models by pin, {"adc:34": {...}, "pin:4": {...}}, see tools.play.sim.parts
    wifi: {"ssid": ..., "password": ..., "rssi": -50}; broker: (host, port) that the Wi-Fi leads
    to, through `relay_port`; echo: called with each line of the console
    interactive: the console is this terminal, with a REPL after main.py; first: what is run first
    serial: a descriptor that is the board's console and serial port; then `lines` stays empty
    clock: "right", or "unset": it begins in the year 2000 with each power on, until it is set
    chip: how it sleeps, one of tools.play.sim.chips; wired: whether GPIO16 is connected to RST
    nights: "real", or "held": a deep sleep lasts until wake(), which moves the board's clock on
    """

    def __init__(
        self,
        flash: Path,
        port: Path = BUILD / "UNIX-port",
        interpreter: Path = MICROPYTHON["64"],
        heap: str | None = None,
        parts: dict[str, dict[str, Any]] | None = None,
        wifi: dict[str, Any] | None = None,
        broker: tuple[str, int] | None = None,
        echo: Callable[[str], None] | None = None,
        interactive: bool = False,
        first: str = "import start",
        serial: int | None = None,
        clock: str = "right",
        chip: str = "esp32",
        wired: bool = True,
        nights: str = "real",
    ) -> None:
        self.flash = flash
        self.lines: list[str] = []
        self.resets: list[str] = []  # why the board started, each time
        self.ended = False  # main.py has returned
        self.failed = False  # its process has ended by a fault of its own
        self._silent = False  # and all that it printed has been read
        self._command = [str(interpreter)]
        if heap:
            self._command += ["-X", f"heapsize={heap}"]
        self._command += [*(["-i"] if interactive else []), "-c", first]
        self._interactive = interactive
        self._serial = serial
        self.clock = clock
        self.chip = CHIPS[chip]
        self.sleeps: list[int] = []  # the ms of each deep sleep that the board has begun
        self.asleep = False
        self.wake_reason: int = 0  # as machine.wake_reason() tells it
        self._wired = wired
        self._held = nights == "held"
        self._port = port
        self._echo = echo
        self._process: subprocess.Popen[str] | None = None
        self._changed = threading.Condition()
        self._lock = threading.RLock()
        self._cause = PWRON
        self._alarm: threading.Timer | None = None
        self.relay = Relay(broker) if broker else None
        self.world = World(parts or {}, wifi or WIFI)
        self.world.on_wifi = self._wifi_changed
        self._wire = Wire(self)
        self._control = Control(self)

    # --- life

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Power off, and end every thread and socket of the bench."""
        self.power_off()
        self._wire.close()
        self._control.close()
        if self.relay:
            self.relay.close()

    @property
    def control_address(self) -> tuple[str, int]:
        """Where the control socket listens, see tools.play.sim.control."""
        return self._control.address

    @property
    def relay_port(self) -> int:
        """The port, on this host, at which the board reaches the broker over the Wi-Fi."""
        if self.relay is None:
            raise ToolError("this bench has no broker", "give it one: Bench(broker=(host, port))")
        return self.relay.port

    # --- power

    @property
    def powered(self) -> bool:
        """True while the board runs."""
        return self._process is not None

    def power_on(self) -> None:
        """Start the board after a power cut: nothing but the flash is left."""
        with self._lock:
            self._kill()
            self.world.power_on()
            if self.clock == "unset":
                self.world.clock_offset = Y2000 - int(time.time())
            self._start(PWRON)

    def power_off(self) -> None:
        """Take the power away."""
        with self._lock:
            self._set_alarm(None)
            self.asleep = False
            self._kill()
            if self.relay:
                self.relay.cut()

    def power_cut(self) -> None:
        """Off and on again."""
        self.power_off()
        self.power_on()

    def reset(self, cause: int = HARD, woken_by: int = TIMER) -> None:
        """Reset the board; its memory in the RTC stays. woken_by: what has ended a deep sleep."""
        with self._lock:
            self._kill()
            if self.relay:
                self.relay.cut()
            self._start(cause, woken_by)

    def interrupt(self) -> None:
        """What Ctrl-C at the board's REPL does.

        It waits until the board rests: the unix port takes a signal anywhere, and one that it gets
        while it collects garbage leaves its heap locked for good.
        """
        with self._lock:
            if self._process:
                end = time.monotonic() + BUSY_S
                while _works(self._process.pid) and time.monotonic() < end:
                    time.sleep(0.001)
                self._process.send_signal(signal.SIGINT)

    def sleep(self, ms: int) -> None:
        """Deep sleep: off for so long, then a start that knows why; 0: forever.

        RAM is gone, no pin is driven or pulled unless it holds its level, and the network isn't
        told.
        """
        with self._lock:
            self._set_alarm(None)
            self._kill()
            if self.relay:
                self.relay.cut()
            self.world.board_sleeps(self.chip.rtc)
            ms = self.chip.sleeps(ms)
            if ms and not self._held and self._wakes:
                self._set_alarm(ms, DEEPSLEEP)
            with self._changed:
                self.asleep = True
                self.sleeps.append(ms)
                self._changed.notify_all()
            self._rouse()

    @property
    def _wakes(self) -> bool:
        return self._wired or not self.chip.wired

    def wake(self) -> None:
        """End a deep sleep as its alarm does; with nights="held" that much time has gone by."""
        with self._lock:
            if not self.asleep:
                raise ToolError("the board is not asleep", "wait for that: wait_for_sleeps()")
            if not self._wakes:
                raise ToolError("it never wakes", "connect GPIO16 to RST: Bench(wired=True)")
            if self._held:
                self.world.clock_offset += self.sleeps[-1] // 1000
            self.reset(DEEPSLEEP)

    def _rouse(self) -> None:
        """Wake the board if a pin or a touch does that."""
        with self._lock:
            what = self.world.rouses() if self.asleep else ""
            if what:
                self.reset(DEEPSLEEP, WAKE_REASONS[what])

    def wait_for_sleeps(self, count: int, timeout: float = 60) -> None:
        """Wait until the board has gone to sleep `count` times."""
        self._wait(lambda: len(self.sleeps) >= count or None, timeout, f"{count} sleeps")

    def watchdog(self, ms: int) -> None:
        """Start or feed the watchdog: without another call within `ms`, the board is reset."""
        with self._lock:
            self._set_alarm(ms, WDT)

    def _set_alarm(self, ms: int | None, cause: int = 0) -> None:
        if self._alarm:
            self._alarm.cancel()
        self._alarm = None
        if ms is not None:
            self._alarm = threading.Timer(ms / 1000, self.reset, [cause])
            self._alarm.daemon = True
            self._alarm.start()

    def _start(self, cause: int, woken_by: int = 0) -> None:
        self._set_alarm(None)
        self.asleep = False
        self._cause = cause
        self.wake_reason = woken_by if cause == DEEPSLEEP else 0
        self.ended = self._silent = False
        self.world.board_starts()
        self._wire.board_starts()
        with self._changed:  # first: the board may ask at once how often it started
            self.resets.append(CAUSES[cause])
            self._changed.notify_all()
        environment = {
            **os.environ,
            "PETREL_BENCH": f"127.0.0.1:{self._wire.port}",
            "MICROPYPATH": f"{self._port}:{self.flash}:{self.flash}/lib:.frozen",
        }
        process = popen(
            self._command,
            cwd=self.flash,
            env=environment,
            stdin=None if self._interactive else self._serial or subprocess.DEVNULL,
            stdout=None if self._interactive else self._serial or subprocess.PIPE,
            stderr=subprocess.STDOUT if not self._interactive else None,
        )
        self._process = process
        if not self._interactive and not self._serial:
            threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.send_signal(signal.SIGKILL)
        if process:
            process.wait(10)

    def cause(self) -> int:
        """The reset cause, as machine.reset_cause() tells it."""
        return self._cause

    def wait_exit(self) -> None:
        """Wait until the board's process has ended for good (its REPL was left)."""
        while (process := self._process) is not None:
            process.wait()
            time.sleep(0.05)
            if process is self._process:
                return

    def wait_failed(self) -> None:
        """Wait, forever if need be, until the board's process ends by a fault of its own."""
        with self._changed:
            self._changed.wait_for(lambda: self.failed)

    # --- what a person would do

    def press(self, pin: int | str, ms: int = 100) -> None:
        """Press the button at a pin: the other level for a while."""
        level = self.world.level(pin)
        self.set_pin(pin, 1 - level)
        time.sleep(ms / 1000)
        self.set_pin(pin, level)

    def set_pin(self, pin: int | str, level: int) -> None:
        """Drive an input from outside."""
        for number in self.world.drive(pin, level):
            self._wire.event(number, level)
        self._rouse()

    def touch(self, pin: int | str, value: int = 300) -> None:
        """Touch the pad at a pin, which then measures so much; 1000 is what it has untouched."""
        self.world.touches[str(pin)] = value
        self._rouse()

    def event(self, number: int, level: int = 0) -> None:
        """Interrupt the board, as a timer does."""
        self._wire.event(number, level)

    def set_adc(self, pin: int | str, volts: float) -> None:
        """Put a constant voltage to an analog input."""
        self.world.wire(f"adc:{pin}", {"model": "constant", "volts": volts})

    def wifi_down(self) -> None:
        """The access point goes away."""
        self.world.set_wifi(False)

    def wifi_up(self) -> None:
        """It is there again."""
        self.world.set_wifi(True)

    def relay_off(self) -> None:
        """Nothing passes between board and broker, and nobody is told."""
        if self.relay:
            self.relay.silence()

    def relay_cut(self) -> None:
        """End the board's connections to the broker, and say so."""
        if self.relay:
            self.relay.cut()

    def relay_refuse(self) -> None:
        """Refuse new connections to the broker, as its host does while none runs there."""
        if self.relay:
            self.relay.refuse()

    def relay_accept(self) -> None:
        """Take connections to the broker again."""
        if self.relay:
            self.relay.accept()

    def relay_on(self) -> None:
        """It passes again."""
        if self.relay:
            self.relay.on.set()

    def _wifi_changed(self, on: bool) -> None:
        (self.relay_on if on else self.relay_off)()

    # --- the console

    def wait_for_line(self, pattern: str, timeout: float = 40, start: int = 0) -> int:
        """Wait for a line of the console that the pattern matches; returns the index after it.

        Looks at lines from `start` on. Raises TimeoutError that shows the last lines.
        """
        index: int = self._wait(
            lambda: self._find(pattern, start), timeout, f"a line like {pattern!r}"
        )
        return index

    def wait_for_resets(self, count: int, timeout: float = 40) -> None:
        """Wait until the board has started `count` times."""
        self._wait(lambda: len(self.resets) >= count or None, timeout, f"{count} starts")

    def wait_for_end(self, timeout: float = 40) -> None:
        """Wait until main.py has returned."""
        self._wait(lambda: (self.ended and self._silent) or None, timeout, "the end of main.py")

    def main_ended(self) -> None:
        """Said by the board."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _find(self, pattern: str, start: int) -> int | None:
        for index in range(start, len(self.lines)):
            if re.search(pattern, self.lines[index]):
                return index + 1
        return None

    def _wait(self, found: Callable[[], Any], timeout: float, what: str) -> Any:
        with self._changed:
            result = self._changed.wait_for(found, timeout)
        if result is None:
            last = "\n  ".join(self.lines[-15:])
            raise TimeoutError(f"waited {timeout} s for {what}; the console:\n  {last}")
        return result

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as console:
            for line in console:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
                if self._echo:
                    self._echo(line.rstrip("\n"))
        with self._changed:
            if self._process is process:
                self._silent = True
                self._changed.notify_all()
        if process.wait() and self._process is process and not self.ended:
            print(f"the board's process ended: {process.returncode}", file=sys.stderr)
            with self._changed:
                self.failed = True
                self._changed.notify_all()


def _works(pid: int) -> bool:
    """True if a process is computing just now; False where that is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "R"
