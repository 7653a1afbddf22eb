"""The state of everything outside the board: levels, voltages, the access point, its memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from tools.play.sim.access_point import AccessPoint
from tools.play.sim.i2c import Clock, I2cBus
from tools.play.sim.i2c_parts import i2c_part
from tools.play.sim.parts import Source, source
from tools.play.sim.wires import Ds18b20, Echo, OneWire, part

_NETWORK = {"rssi": -50, "password": "", "bssid": "02:00:00:00:00:01", "channel": 6}
IDLE, CONNECTING, GOT_IP, NO_AP, WRONG_PASSWORD = 1000, 1001, 1010, 201, 202


class World:
    """What the board's pins and its radio meet."""

    def __init__(
        self, parts: dict[str, Any], wifi: dict[str, Any], clock: Clock = time.monotonic
    ) -> None:
        """parts: what wire() takes, by where it is; clock: the seconds of the board's time"""
        self._clock = clock
        self.memory = b""  # survives a reset, not a power cut
        self.clock_offset = 0  # s that the board's clock is ahead of this computer's
        self.on_wifi: Callable[[bool], None] = lambda on: None
        # Told of the level that a pin really has after the board drives it, or lets it go.
        self.on_output: Callable[[str, int], None] = lambda pin, level: None
        self.access_point = AccessPoint()
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._driven: dict[str, int] = {}  # inputs driven from outside
        self._pulls: dict[str, int] = {}  # 1 up, 2 down, as the board has set them
        self._outputs: dict[str, int] = {}
        self._interrupts: dict[str, list[int]] = {}
        self._held: dict[str, int] = {}  # levels that pins hold, whatever the board says
        self.holds_digital = False  # in a deep sleep, too, those outside of the RTC
        self.wakes: tuple[str, int] | None = None  # the pin that wakes the board, and its level
        self.touch_wakes = False
        self.touches: dict[str, int] = {}  # what touch pads measure, 1000 if nothing else is said
        self.thresholds: dict[str, int] = {}  # of those that wake the board
        self.buses: dict[str, I2cBus] = {}  # by "sda,scl"
        self.wires: dict[str, Any] = {}  # parts on a single pin, by pin
        self.pwm: dict[str, tuple[int, int]] = {}  # frequency and duty, by pin
        self.pixels: dict[str, str] = {}  # bytes of the lights, in hex, by pin
        self.wifi = {**_NETWORK, **wifi}
        self.others: list[dict[str, Any]] = []  # networks that lead to the same place
        self._out_of_reach: set[str] = set()  # their names
        self._status = IDLE
        self._wanted: tuple[str, str, str] | None = None
        self.joined: dict[str, Any] = {}  # the network that the board is in, or was in last
        self.set: dict[str, str] = {}  # what the board has set of its interface, by name
        self.cable = True
        for name, model in parts.items():
            self.wire(name, model)

    @property
    def in_reach(self) -> bool:
        """True while the access point is there."""
        return self.wifi["ssid"] not in self._out_of_reach

    def clear(self) -> None:
        """Take all parts away, and let go of all inputs."""
        for parts in (self._sources, self._driven, self.buses, self.wires):
            parts.clear()

    def wire(self, name: str, model: Any) -> None:
        """Connect a part: "adc:34", "pin:4", "i2c:21,22" or "wire:4", and its model.

        A list of models is several parts on the bus, or on the wire.
        """
        kind, _, pins = name.partition(":")
        if isinstance(model, list):
            for each in model:
                self.wire(name, each)
            return
        if kind == "i2c":
            self.buses.setdefault(pins, I2cBus(self._clock)).add(i2c_part(**model))
            return
        if kind == "wire":
            made = part(**model)
            made.clock = self._clock
            if isinstance(made, Ds18b20):
                self.wires.setdefault(pins, OneWire()).parts.append(made)
            else:
                self.wires[pins] = made
            return
        if name.startswith("pin:") and model.get("model") == "constant" and "level" in model:
            self._driven[name[4:]] = int(model["level"])
        else:
            self._sources[name.partition(":")[2]] = source(model)

    def power_on(self) -> None:
        """After a power cut nothing is left that a reset leaves alone."""
        self.memory = b""
        self._held.clear()
        self.holds_digital = False

    def board_sleeps(self, rtc: Collection[str]) -> None:
        """A deep sleep, in which only what wakes it goes on; rtc: pins that hold by themselves."""
        wakes, touch, pulls = self.wakes, self.touch_wakes, dict(self._pulls)
        self.board_starts()
        self.wakes, self.touch_wakes = wakes, touch
        if wakes and wakes[0] in pulls:  # its resistor goes on
            self._pulls[wakes[0]] = pulls[wakes[0]]
        for pin in [each for each in self._held if not (self.holds_digital or each in rtc)]:
            del self._held[pin]

    def rouses(self) -> str:
        """What wakes the board just now: "pin", "touch", or "" for nothing."""
        if self.wakes and self.level(self.wakes[0]) == self.wakes[1]:
            return "pin"
        touched = any(self.touch(pin) < least for pin, least in self.thresholds.items())
        return "touch" if self.touch_wakes and touched else ""

    def touch(self, pin: str) -> int:
        """What a touch pad measures; less when it is touched."""
        return self.touches.get(pin, 1000)

    def board_starts(self) -> None:
        """The board is reset: its pins and its radio forget what they were told."""
        self.wakes, self.touch_wakes = None, False
        with self._lock:
            self._pulls.clear()
            self._outputs.clear()
            self._interrupts.clear()
            self._status = IDLE
            self._wanted = None
            self.set.clear()
        self.access_point.tell(None)

    # --- pins

    def setup(self, pin: str, mode: int, pull: int) -> None:
        """The board configures a pin."""
        self._pulls[pin] = pull

    def level(self, pin: int | str) -> int:
        """The level at a pin: driven from outside, or by the board, or pulled."""
        name = str(pin)
        if name in self._driven:
            return self._driven[name]
        if isinstance(part := self.wires.get(name), Echo):
            return part.level
        for pins, bus in self.buses.items():
            if pins.startswith(f"{name},"):
                return int(not bus.sda_low)
        if name in self._held:
            return self._held[name]
        if name in self._outputs:
            return self._outputs[name]
        return int(self._pulls.get(name) == 1)

    def output(self, pin: str, level: int) -> None:
        """The board drives a pin."""
        if isinstance(part := self.wires.get(pin), Echo):
            part.pulled(level)
        rises = level and not self._outputs.get(pin, 1)
        self._outputs[pin] = level
        self.on_output(pin, self.level(pin))
        for pins, bus in self.buses.items():
            if rises and pins.endswith(f",{pin}"):
                bus.clock()

    def hold(self, pin: str, on: bool) -> None:
        """The board wants a pin to hold its level, or no longer."""
        self._held.pop(pin, None)
        if on:
            self._held[pin] = self.level(pin)
        self.on_output(pin, self.level(pin))

    def drive(self, pin: int | str, level: int) -> list[int]:
        """Drive a pin from outside; returns the interrupts to raise, none if nothing changed."""
        name = str(pin)
        with self._lock:
            if self.level(name) == level and name in self._driven:
                return []
            changed = self.level(name) != level
            self._driven[name] = level
            return list(self._interrupts.get(name, [])) if changed else []

    def interrupt(self, pin: str, number: int) -> None:
        """The board wants events of this number for changes of a pin."""
        with self._lock:
            self._interrupts.setdefault(pin, []).append(number)

    def microvolts(self, pin: str) -> int:
        """The voltage at an analog input, within what the input can tell."""
        volts = self._sources[pin]() if pin in self._sources else 1.65
        return round(min(3.3, max(0.0, volts)) * 1_000_000)

    # --- Wi-Fi

    @property
    def _all(self) -> list[dict[str, Any]]:
        return [self.wifi, *({**_NETWORK, **each} for each in self.others)]

    def join(self, ssid: str, password: str, bssid: str = "") -> None:
        """The board tries to connect, and its radio goes on trying by itself."""
        self._wanted = (ssid, password, bssid)
        there = [
            each
            for each in self._all
            if each["ssid"] == ssid and ssid not in self._out_of_reach
            and bssid in ("", each["bssid"])
        ]  # fmt: skip
        good = [each for each in there if each["password"] == password]
        self._status = GOT_IP if good else WRONG_PASSWORD if there else NO_AP
        if good:
            if self.joined and self.joined["ssid"] != ssid:
                self.on_wifi(True)  # this way leads somewhere, wherever the last one did
            self.joined = good[0]

    def leave(self) -> None:
        """The board disconnects."""
        self._wanted = None
        self._status = IDLE

    def wifi_status(self) -> int:
        """The station's status code."""
        return self._status

    def rssi(self) -> int:
        """Signal strength in dBm."""
        return int((self.joined or self.wifi)["rssi"])

    def networks(self) -> list[dict[str, Any]]:
        """What a scan finds."""
        return [each for each in self._all if each["ssid"] not in self._out_of_reach]

    def set_wifi(self, in_reach: bool, ssid: str = "") -> None:
        """An access point, usually the first, goes out of reach, or comes back."""
        ssid = ssid or self.wifi["ssid"]
        (self._out_of_reach.discard if in_reach else self._out_of_reach.add)(ssid)
        own = self.joined.get("ssid") in (None, ssid)
        if not in_reach and self._status == GOT_IP and own:
            self._status = NO_AP
        if in_reach and self._wanted and self._wanted[0] == ssid:
            self.join(*self._wanted)
        if own:
            self.on_wifi(in_reach)

    # --- Ethernet

    def plug(self, cable: bool) -> None:
        """Plug the cable in, or pull it."""
        self.cable = cable
        self.on_wifi(cable)
