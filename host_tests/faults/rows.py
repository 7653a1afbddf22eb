"""Every fault that a node in the field meets, and what is right then.

A test names its fault by the mark `fault`; a test of this list finds a fault without a test.
Bounds are seconds from the end of the fault to the next reading at the broker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One row: what happens, and what has to become of it."""

    what: str
    right: str


FAULTS: dict[str, Fault] = {
    "broker-killed": Fault(
        "the broker is killed (SIGKILL) and started again later",
        "noticed at once, tried again after a random pause of at most 15 s; nothing lost",
    ),
    "half-open": Fault(
        "the link goes dead without a word; the broker hangs (SIGSTOP)",
        "noticed within 1.5 keep alives and the 4 s for a PINGRESP; sampling goes on",
    ),
    "syn-blackhole": Fault(
        "nobody answers to the opening of a connection",
        "given up after 10 s (4 s where another broker is listed); sampling and watchdog go on",
    ),
    "second-broker": Fault(
        "the first broker of a list is dead", "the node publishes at the second within 10 s"
    ),
    "dns": Fault(
        "the name of the broker cannot be looked up",
        "the last address is used: at once after a connection that lasted a minute, else when the "
        "look-up has failed, which blocks for as long as the port's resolver takes; without an "
        "address it is tried again after a pause",
    ),
    "slow-broker": Fault(
        "a broker that sends one byte in 0.7 s",
        "a packet has to be whole 4 s after its first byte, else the connection ends",
    ),
    "one-byte-segments": Fault("every byte comes by itself", "no effect"),
    "cut-mid-packet": Fault(
        "the connection ends in the midst of a packet, either way",
        "a new connection; what was not acknowledged is sent again",
    ),
    "one-way-end": Fault(
        "the broker ends its direction while the node still sends", "a new connection"
    ),
    "delay": Fault("every packet takes its time", "no effect but the time"),
    "malformed": Fault(
        "a packet that breaks the rules of MQTT",
        "the connection ends, is counted, and made anew after a pause",
    ),
    "oversize": Fault(
        "a packet larger than all RAM, or with a length of five bytes",
        "passed by without being held, or the connection ends; nothing is allocated for it",
    ),
    "puback-lost": Fault("a PUBACK is lost", "the same identifier again, with DUP, after 4 s"),
    "stray-puback": Fault(
        "a PUBACK comes twice, or for an identifier that is not ours",
        "counted, and the connection stays",
    ),
    "session-lost": Fault(
        "the broker has forgotten the session",
        "subscribed again to everything, and all of the outbox sent again",
    ),
    "session-present": Fault(
        "the broker still has the session", "not subscribed again; identifiers go on"
    ),
    "refused": Fault(
        "CONNACK with a code of 1 to 5",
        "told with its reason; tried after a long pause, except for 3 (not available just now)",
    ),
    "tls": Fault(
        "a certificate of an unknown authority, for another name, or expired",
        "refused before CONNECT, which carries the password; never without TLS instead",
    ),
    "wifi": Fault(
        "the Wi-Fi goes out of reach, refuses the password, or gives no address",
        "readings wait; the network is tried again for ever, without a restart of the board",
    ),
    "ticks-wrap": Fault(
        "the counter of milliseconds wraps", "no PINGREQ is missed, no reading is late"
    ),
    "clock-jump": Fault("the clock is set to another time", "no effect but on the time told"),
    "heap": Fault(
        "the heap runs out", "a reading or a connection is given up and counted, never the node"
    ),
    "flash-full": Fault(
        "the flash is full",
        "readings are refused and counted; the config can still be written",
    ),
    "power-cut": Fault(
        "the power is cut at any write to the flash, which may be torn",
        "config: the old or the new; outbox: what was stored is there, and nothing else",
    ),
    "unmountable": Fault(
        "the file system can no longer be mounted (a damaged superblock)",
        "with Petrel frozen: tried three times, then made anew, with the config that was built "
        "in; told as `why`; what was on it is lost. (MicroPython's own firmware stops for ever)",
    ),
    "boot-loop": Fault(
        "the board is reset again and again while it starts",
        "safe mode after three; it ends by itself",
    ),
    "retained-command": Fault(
        "a retained command that restarts the board", "ignored and counted; no loop"
    ),
    "command-flood": Fault(
        "a thousand commands a second",
        "few are obeyed, the others counted; readings and keep alive go on",
    ),
    "wake-mid-inflight": Fault(
        "the power is cut between PUBLISH and PUBACK",
        "sent again with the same identifier and DUP; as new where there is no session",
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
