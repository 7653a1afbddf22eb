"""The bench's end of the wire to the board: questions and answers, and interrupts."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from tools.play.sim.chips import Chip
from tools.play.sim.wires import Dht, Echo, OneWire
from tools.play.sim.world import World


class Bench(Protocol):
    """What the wire needs of the bench."""

    world: World
    resets: list[str]
    chip: Chip
    wake_reason: int

    def cause(self) -> int: ...
    def reset(self, cause: int) -> None: ...
    def sleep(self, ms: int) -> None: ...
    def watchdog(self, ms: int) -> None: ...
    def main_ended(self) -> None: ...


class Wire:
    """Listens for the board. Questions are lines of words, answers lines; "!..." is an error."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._events: socket.socket | None = None
        self._early: list[bytes] = []  # interrupts before the board's second connection stands
        self._watchdog_ms = 0
        self._timers: dict[int, threading.Timer] = {}
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hang up."""
        for timer in self._timers.values():
            timer.cancel()
        for one in (self._listener, *list(self._connections)):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def event(self, number: int, level: int) -> None:
        """Raise an interrupt."""
        data = bytes((number, level))
        with self._lock:
            if self._events is None:
                self._early.append(data)
                return
            try:
                self._events.sendall(data)
            except OSError:
                self._events = None  # the board has lost its power

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._connections.add(connection)
        with connection, connection.makefile("rb") as lines:
            try:
                greeting = lines.readline().strip()
                if greeting == b"events":
                    with self._lock:
                        self._events = connection
                        for data in self._early:
                            connection.sendall(data)
                        self._early.clear()
                    lines.read()
                    return
                for line in lines:
                    connection.sendall(self._answer(line.decode().split()).encode() + b"\n")
            except OSError:
                pass  # the board is gone
            finally:
                self._connections.discard(connection)

    def board_starts(self) -> None:
        """The board is reset: what it has asked for before is over."""
        with self._lock:
            self._events = None
            self._early.clear()
            self._watchdog_ms = 0
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _answer(self, words: list[str]) -> str:
        question = getattr(self, f"_on_{words[0]}", None) if words else None
        if question is None:
            return f"!the bench doesn't know {words}"
        try:
            answer = question(*words[1:])
        except (ValueError, TypeError, OSError) as error:
            return f"!{error}"
        return "" if answer is None else str(answer)

    # --- one method for each question

    def _on_pin(self, pin: str, mode: str, pull: str) -> None:
        self._bench.world.setup(pin, int(mode), int(pull))

    def _on_get(self, pin: str) -> int:
        return self._bench.world.level(pin)

    def _on_set(self, pin: str, level: str) -> None:
        self._bench.world.output(pin, int(level))

    def _on_hold(self, pin: str, on: str) -> None:
        self._bench.world.hold(pin, on == "1")

    def _on_hold_digital(self, on: str) -> None:
        self._bench.world.holds_digital = on == "1"

    def _on_wake_on_pin(self, pin: str, level: str) -> None:
        if pin not in ("-", *self._bench.chip.rtc):
            raise ValueError("invalid pin")  # as the port says it
        self._bench.world.wakes = None if pin == "-" else (pin, int(level))

    def _on_wake_on_touch(self, on: str) -> None:
        self._bench.world.touch_wakes = on == "1"

    def _on_touch(self, pin: str, threshold: str = "") -> int:
        if threshold:
            self._bench.world.thresholds[pin] = int(threshold)
        return self._bench.world.touch(pin)

    def _on_wake_reason(self) -> int:
        return self._bench.wake_reason

    def _on_irq(self, pin: str, number: str) -> None:
        self._bench.world.interrupt(pin, int(number))

    def _on_adc(self, pin: str) -> int:
        return self._bench.world.microvolts(pin)

    def _on_i2c(self, bus: str, address: str, data: str, count: str) -> str:
        parts = self._bench.world.buses.get(bus)
        if parts is None:
            return "nack"
        return parts.transfer(int(address), bytes.fromhex(data[1:]), int(count))

    def _on_i2c_scan(self, bus: str) -> str:
        parts = self._bench.world.buses.get(bus)
        return parts.scan() if parts else ""

    def _on_wire(self, pin: str, what: str, argument: str = "") -> str:
        wire = self._bench.world.wires.get(pin)
        if not isinstance(wire, OneWire):
            wire = OneWire()  # nothing on it
        return wire.do(what, argument)

    def _on_dht(self, pin: str) -> str:
        found = self._bench.world.wires.get(pin)
        return found.answer() if isinstance(found, Dht) else ""

    def _on_pulse(self, pin: str, level: str, timeout_us: str) -> int:
        found = self._bench.world.wires.get(pin)
        return found.pulse(int(timeout_us)) if isinstance(found, Echo) else -2

    def _on_pwm(self, pin: str, frequency: str, duty: str) -> None:
        self._bench.world.pwm[pin] = int(frequency), int(duty)

    def _on_pixels(self, pin: str, data: str = "") -> None:
        self._bench.world.pixels[pin] = data

    def _on_memory(self, data: str | None = None) -> str:
        world = self._bench.world
        if data is not None:
            kept = bytes.fromhex(data[1:])
            if len(kept) > self._bench.chip.kept:
                raise ValueError("buffer too long")  # as the ports say it
            world.memory = kept
        return world.memory.hex()

    def _on_clock(self, offset: str | None = None) -> int:
        world = self._bench.world
        if offset is not None:
            world.clock_offset = int(offset)
        return world.clock_offset

    def _on_starts(self) -> int:
        return len(self._bench.resets)

    def _on_cause(self) -> int:
        return self._bench.cause()

    def _on_id(self) -> str:
        return "5e7e00c0ffee"

    def _on_reset(self, cause: str) -> None:
        self._later(lambda: self._bench.reset(int(cause)))

    def _on_deepsleep(self, ms: str) -> None:
        self._later(lambda: self._bench.sleep(int(ms)))

    def _on_ended(self) -> None:
        self._bench.main_ended()

    def _on_watchdog(self, ms: str) -> None:
        self._watchdog_ms = int(ms)
        self._on_feed()

    def _on_feed(self) -> None:
        if self._watchdog_ms:
            self._bench.watchdog(self._watchdog_ms)

    def _on_timer(self, number: str, period: str, mode: str) -> None:
        which, ms = int(number), int(period)
        if which in self._timers:
            self._timers.pop(which).cancel()
        if ms > 0:
            self._arm(which, ms / 1000, mode == "1", time.monotonic() + ms / 1000)

    def _arm(self, which: int, period: float, repeat: bool, due: float) -> None:
        def fire() -> None:
            self.event(which, 0)
            if repeat and self._timers.get(which) is timer:
                self._arm(which, period, True, due + period)

        timer = threading.Timer(max(0.0, due - time.monotonic()), fire)
        timer.daemon = True
        self._timers[which] = timer
        timer.start()

    def _on_join(self, ssid: str, password: str, bssid: str) -> None:
        station = "" if bssid == "-" else bytes.fromhex(bssid).hex(":")
        self._bench.world.join(_text(ssid), _text(password), station)

    def _on_cable(self) -> int:
        return int(self._bench.world.cable)

    def _on_setting(self, name: str, value: str = "") -> str:
        """The board sets something of its interface, or asks what it has set."""
        if value:
            self._bench.world.set[name] = value
        return self._bench.world.set.get(name, "")

    def _on_access_point(self, ssid: str, password: str) -> None:
        self._bench.world.access_point.tell(_text(ssid) or None, _text(password))

    def _on_port(self, port: str) -> int:
        return self._bench.world.access_point.port(int(port))

    def _on_leave(self) -> None:
        self._bench.world.leave()

    def _on_wifi(self) -> int:
        return self._bench.world.wifi_status()

    def _on_rssi(self) -> int:
        return self._bench.world.rssi()

    def _on_scan(self) -> str:
        found = self._bench.world.networks()
        return " ".join(
            f"{each['ssid'].encode().hex()},{each['bssid'].replace(':', '')},"
            f"{each['channel']},{each['rssi']}"
            for each in found
        )

    @staticmethod
    def _later(what: Callable[[], None]) -> None:
        """Do what ends the board's process, not in the thread that has to answer it."""
        threading.Thread(target=what, daemon=True).start()


def _text(word: str) -> str:
    return "" if word == "-" else bytes.fromhex(word).decode()
