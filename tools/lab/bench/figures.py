"""The figures: their names in build/bench.json, in words, and what all of them are called by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is measured; also its name in build/bench.json."""

    BLOCKING = "blocking"
    ASYNCIO = "asyncio"
    RAW = "raw"

    @property
    def program(self) -> str:
        """The module of inside/ that puts it to work."""
        return {"blocking": "blocking_client", "asyncio": "asyncio_client", "raw": "raw_socket"}[
            self.value
        ]


CLIENTS = (Kind.BLOCKING, Kind.ASYNCIO)
KINDS = (Kind.RAW, *CLIENTS)

# Figures of one kind: None is what does not apply or could not be had.
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    key: str
    words: str
    is_speed: bool = False  # operations a second: more is better, and no two runs are the same


FIGURES = (
    Figure("mpy_bytes", ".mpy files, bytes"),
    Figure("ram_import", "RAM after import, bytes"),
    Figure("ram_rom", "the same from a ROMFS"),
    Figure("min_heap", "smallest heap, bytes"),
    Figure("heap_rom", "the same from a ROMFS"),
    Figure("alloc_qos0", "bytes per QoS 0 publish"),
    Figure("alloc_qos1", "bytes per QoS 1 publish"),
    Figure("alloc_recv_qos1", "bytes per QoS 1 receive"),
    Figure("alloc_idle_s", "bytes per idle second"),
    Figure("writes_qos1", "writes per QoS 1 publish"),
    Figure("qos0_s", "QoS 0 publishes/s", True),
    Figure("qos1_s", "QoS 1 publishes/s", True),
    Figure("qos1_pipelined_s", "QoS 1/s, 8 in flight", True),
    Figure("recv_qos0_s", "QoS 0 received/s", True),
    Figure("instructions_qos1", "instructions, QoS 1"),
)
KEYS = tuple(figure.key for figure in FIGURES)
# Exact: two runs of the same code give the same, so a test may hold them.
EXACT = KEYS[: KEYS.index("qos0_s")]
SPEEDS = tuple(figure.key for figure in FIGURES if figure.is_speed)


def empty() -> Figures:
    """All figures, none of them known."""
    return dict.fromkeys(KEYS)
