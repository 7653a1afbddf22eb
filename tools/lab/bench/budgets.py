"""What every figure shall be, and what it may be today: the one table to edit.

aim: the budget; that of heap_rom is min_heap's, less what the ROMFS shall save after import.
limit: what host_tests/test_budgets.py holds, a few percent above what was measured last; None for
what is reported only. When the code got better, lower the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.lab.bench.figures import Kind


@dataclass(frozen=True)
class Budget:
    """An upper bound; for a speed a lower one (`at_least`), times the raw floor's if `of_raw`."""

    aim: float
    limit: float | None = None
    of_raw: bool = False
    at_least: bool = False

    def met(self, value: float, raw: float | None) -> bool:
        """True if the value is within the aim; `raw` is the floor's of the same run."""
        aim = self.aim * (raw or 0) if self.of_raw else self.aim
        return value >= aim if self.at_least else value <= aim

    def __str__(self) -> str:
        bound = ">=" if self.at_least else "<="
        return f"{bound} {self.aim if self.of_raw else format(self.aim, ',')}"


def _raw(aim: float) -> Budget:
    return Budget(aim, of_raw=True, at_least=True)


# The smallest heap of a whole node with every command, from .mpy files or a ROMFS; its config is
# checked in the same heap. host_tests/test_node_budgets.py says what the nodes are.
NODES = {
    "two sensors": Budget(32_768, 43_520),
    "three drivers": Budget(38_912, 49_152),
    "the largest drivers": Budget(36_864, 49_152),
    "two sensors in ROM": Budget(22_528, 28_160),
    "three drivers in ROM": Budget(26_624, 30_208),
    "the largest drivers in ROM": Budget(26_624, 30_720),
}

# A topic of 11 characters and a payload of 64 bytes take 128 bytes of a 32-bit heap.
MESSAGE = 128

BUDGETS: dict[Kind, dict[str, Budget]] = {
    Kind.BLOCKING: {
        # figure: the aim, the limit
        "mpy_bytes": Budget(9_500, 10_700),
        "ram_import": Budget(12_500, 15_200),
        "ram_rom": Budget(6_000, 6_750),
        "min_heap": Budget(16_500, 20_900),
        "heap_rom": Budget(10_000, 12_600),
        "alloc_qos0": Budget(0, 0),
        "alloc_qos1": Budget(0, 0),
        "alloc_recv_qos1": Budget(MESSAGE, 144),
        "alloc_idle_s": Budget(0, 0),
        "writes_qos1": Budget(1, 1),
        "qos0_s": _raw(0.5),
        "qos1_s": _raw(0.9),
        "qos1_pipelined_s": _raw(1),
        "recv_qos0_s": Budget(150_000, at_least=True),
        "instructions_qos1": Budget(60_000),
    },
    Kind.ASYNCIO: {
        "mpy_bytes": Budget(10_900, 12_150),
        "ram_import": Budget(17_300, 19_000),
        "ram_rom": Budget(8_500, 9_600),
        "min_heap": Budget(22_500, 27_500),
        "heap_rom": Budget(13_700, 17_300),
        "alloc_qos0": Budget(128, 128),
        "alloc_qos1": Budget(256, 420),
        "alloc_recv_qos1": Budget(MESSAGE + 128, 210),
        "alloc_idle_s": Budget(256, 64),
        "writes_qos1": Budget(1, 1),
        "qos0_s": _raw(0.6),
        "qos1_s": _raw(0.8),
        "qos1_pipelined_s": _raw(0.7),
        "recv_qos0_s": Budget(250_000, at_least=True),
        "instructions_qos1": Budget(110_000),
    },
}
