"""How the chips sleep: what they keep meanwhile, how long they can, and what wakes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """What a deep sleep is on one chip.

    kept: bytes of memory that survive it; wraps_ms: a longer sleep is cut down to what is left
    over, as the chip counts microseconds in 32 bits; wired: it wakes only if GPIO16 is connected
    to RST; rtc: pins that work in a deep sleep, as they belong to the clock's part of the chip
    """

    kept: int = 2048
    wraps_ms: int | None = None
    wired: bool = False
    rtc: frozenset[str] = frozenset()

    def sleeps(self, ms: int) -> int:
        """How long it really sleeps if it is told to for so many ms; 0: forever."""
        if not self.wraps_ms or not ms:
            return ms
        return ms % self.wraps_ms


_RTC = (0, 2, 4, *range(12, 16), 25, 26, 27, *range(32, 40))

CHIPS = {
    "esp32": Chip(rtc=frozenset(str(pin) for pin in _RTC)),
    "esp8266": Chip(kept=492, wraps_ms=(1 << 32) // 1000, wired=True),
    "stm32": Chip(kept=4096),
}
