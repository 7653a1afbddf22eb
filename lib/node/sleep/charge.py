"""Protects a nearly empty battery: below sleep.low the node says so once, then only sleeps.

It looks at the battery at each wake, before the Wi-Fi takes a large current, and sleeps on without
it until the battery is charged. Even a reset doesn't keep it up then: a cell whose voltage breaks
down under the radio's current would otherwise be run dry by one start after another.
"""

from micropython import const

from node.overlay import call
from node.sleep import state

_CHARGED = const(103)  # percent of the limit from which on it counts as charged
_JUMP = const(1000)  # more readings than a cycle makes


def look(node, found):
    """Sleep on if the battery is low and that was told; otherwise return.

    found: the state that was kept, and lines of readings; None for none
    """
    told = bool(found and found[0][state.BITS] & state.LOW)
    volts = measured(node)
    limit = node.low_v * _CHARGED / 100 if told else node.low_v
    if volts is None or volts >= limit:
        return
    said = "the battery has %.2f V (sleep.low: %s V): asleep until it is charged"
    said %= volts, node.low_v
    if told:
        print("Petrel:", said)
        call("health", "ending", "release", node)
        call("health", "retained", "store", 0)
        kept, lines = found
        kept[state.UPTIME] += state.LOW_S
        if kept[state.WAKES_AT]:
            kept[state.WAKES_AT] += state.LOW_S
        kept[state.LEFT_S] = state.LOW_S
        call("sleep", "night", "go_on", kept, lines, ())
    node.failed("sleep", said)
    node.low = True
    node.least_ms = 0
    node.most_ms = node.limit_ms
    # If the voltage breaks down in this cycle, the next start knows. Its readings are numbered on
    # from far behind those of this cycle, which may be out by then.
    every = getattr(node, "ntp", (0, 0))[1]
    kept, lines = found or ([node.boot, 0, 0, 0, 0, 0, 0, every, 0, bytes(6)], b"")
    kept = list(kept)
    kept[state.COUNT] += _JUMP
    kept[state.BITS] = state.LOW
    state.store(kept, lines)


def measured(node):
    """Return the volts of the battery; None if they are not known, as on USB without one."""
    for sensor in node.sensors:
        if sensor.driver == "battery" and sensor.part:
            part = getattr(sensor.part, "part", sensor.part)  # behind its filters
            try:
                return part.read()[0]
            except (OSError, ValueError):
                return None
    return None
