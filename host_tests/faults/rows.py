"""Every fault that a node in the field meets, and what should happen then.

A test names its fault by the mark `fault`; a test of this list finds a fault without a test.
Bounds are seconds from the end of the fault to the next reading at the broker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One row: what goes wrong, and what should happen."""

    what: str
    right: str


FAULTS: dict[str, Fault] = {
    "broker-killed": Fault(
        "the broker is killed (SIGKILL) and started again later",
        "the node notices at once and tries again after a random pause of at most 15 s; "
        "nothing is lost",
    ),
    "half-open": Fault(
        "the link goes dead silently; the broker hangs (SIGSTOP)",
        "the node notices within 1.5 keep alives plus the 4 s for a PINGRESP; it goes on sampling",
    ),
    "syn-blackhole": Fault(
        "nobody answers when the node opens a connection",
        "it gives up after 10 s (4 s if another broker is listed); sampling and the watchdog "
        "go on",
    ),
    "second-broker": Fault(
        "the first broker of a list is dead",
        "the node publishes to the second within 10 s",
    ),
    "dns": Fault(
        "the broker's name can't be looked up",
        "the node uses the last address: at once after a connection that lasted a minute, "
        "otherwise once the look-up has failed, which blocks for as long as the port's "
        "resolver takes. Without an address it tries again after a pause",
    ),
    "slow-broker": Fault(
        "a broker that sends one byte every 0.7 s",
        "a packet has to be complete 4 s after its first byte, or the connection ends",
    ),
    "one-byte-segments": Fault(
        "every byte arrives by itself",
        "no effect",
    ),
    "cut-mid-packet": Fault(
        "the connection ends in the middle of a packet, in either direction",
        "the node reconnects and sends again what was not acknowledged",
    ),
    "one-way-end": Fault(
        "the broker closes its direction while the node still sends",
        "the node reconnects",
    ),
    "delay": Fault(
        "every packet is delayed",
        "no effect except the delay",
    ),
    "malformed": Fault(
        "a packet that breaks the rules of MQTT",
        "the node ends the connection, counts it, and reconnects after a pause",
    ),
    "oversize": Fault(
        "a packet larger than all RAM, or with a length of five bytes",
        "the node skips it without storing it, or ends the connection; it allocates nothing "
        "for it",
    ),
    "puback-lost": Fault(
        "a PUBACK is lost",
        "the node sends the message again after 4 s, with the same identifier and DUP",
    ),
    "stray-puback": Fault(
        "a PUBACK comes twice, or for an identifier that is not ours",
        "it is counted, and the connection stays open",
    ),
    "session-lost": Fault(
        "the broker has forgotten the session",
        "the node subscribes to everything again, and sends all of the outbox again",
    ),
    "session-present": Fault(
        "the broker still has the session",
        "the node doesn't subscribe again; identifiers continue",
    ),
    "refused": Fault(
        "CONNACK with a code of 1 to 5",
        "the node reports the reason and tries again after a long pause, except for 3 "
        "(not available just now)",
    ),
    "tls": Fault(
        "a certificate of an unknown authority, for another name, or expired",
        "the node refuses it before it sends CONNECT, which carries the password; it never "
        "falls back to a connection without TLS",
    ),
    "wifi": Fault(
        "the Wi-Fi goes out of reach, refuses the password, or gives no address",
        "readings wait; the node keeps trying the network, without restarting the board",
    ),
    "ticks-wrap": Fault(
        "the millisecond counter wraps",
        "no PINGREQ is missed, no reading is late",
    ),
    "clock-jump": Fault(
        "the clock is set to another time",
        "no effect except on the time in readings",
    ),
    "heap": Fault(
        "the heap runs out",
        "the node gives up a reading or a connection and counts it, but never stops",
    ),
    "flash-full": Fault(
        "the flash is full",
        "readings are refused and counted; the config can still be written",
    ),
    "power-cut": Fault(
        "the power is cut during any write to the flash, which may be left incomplete",
        "config: the old one or the new one; outbox: what was stored is there, and nothing else",
    ),
    "unmountable": Fault(
        "the file system can no longer be mounted (a damaged superblock)",
        "with Petrel frozen in: the board tries three times, then makes a new file system with "
        "the config that was built in, and reports it as `why`; the files are lost. "
        "(MicroPython's own firmware stops forever)",
    ),
    "boot-loop": Fault(
        "the board is reset again and again while it starts",
        "safe mode after three resets; it ends by itself",
    ),
    "retained-command": Fault(
        "a retained command that restarts the board",
        "ignored and counted; no loop",
    ),
    "command-flood": Fault(
        "a thousand commands a second",
        "the node obeys a few and counts the others; readings and keep alive go on",
    ),
    "wake-mid-inflight": Fault(
        "the power is cut between PUBLISH and PUBACK",
        "the node sends the message again with the same identifier and DUP, or as new if there "
        "is no session",
    ),
}


def named_by() -> dict[str, list[str]]:
    """For each fault the tests that name it, by their mark or, inside MicroPython, a comment."""
    found: dict[str, list[str]] = {name: [] for name in FAULTS}
    for path in sorted(Path(__file__).parent.parent.rglob("test_*.py")):
        text = path.read_text()
        shown = path.relative_to(
            path.parents[1] if path.parent.name != "host_tests" else path.parent
        )
        marks = re.findall(
            r'(?:@pytest\.mark\.fault\(|# fault: )"?([\w-]+)"?\)?\n(?:@.*\n(?: .*\n|\)\n)*)*'
            r"def (test_\w+)",
            text,
        )
        for name, test in marks:
            found[name].append(f"{shown}::{test}")
    return found
