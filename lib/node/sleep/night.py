"""The way into a deep sleep: say goodbye, keep what is not delivered, set the alarm.

The board forgets its RAM then, and wakes with a reset. Needed then, and so never forgotten.
"""

import time
from time import ticks_diff, ticks_ms

import machine
from micropython import const

from node.overlay import call
from node.sleep import state

_GOODBYE_MS = const(1000)  # for the broker to end the connection once it has our goodbye
_PIECE_S = const(4200)  # an ESP8266 can sleep 71 minutes, and a long alarm is no more exact
_SHORTEST_S = const(1)
_RESET_MS = const(1000)


def go(node):
    """Sleep until the next wake is due. It doesn't return."""
    client = node.client
    outbox = client.outbox
    bssid = call("sleep", "radio", "nearest", node) if hasattr(client, "stream") else bytes(6)
    leave(node, client)
    bits = state.LOW if node.low else 0
    if "keep" in node.section and not bits:
        bits = call("sleep", "outputs", "hold", node)
    call("health", "ending", "release", node)
    seconds = max(_SHORTEST_S, node.period_s - node.up_ms // 1000)
    if node.low:
        seconds = max(seconds, state.LOW_S)
    now = int(time.time()) + node.epoch
    kept = [
        node.boot, node.count, max(0, node.uptime) + seconds, 0 if node.unset else now + seconds,
        seconds, now if node.clock_is_right() else node.set_at, max(0, node.told_at),
        getattr(node, "ntp", (0, 0))[1], bits, bssid,
    ]  # fmt: skip
    lines = waiting(node, outbox)
    print("Petrel: asleep for %d s; was awake for %d ms" % (seconds, node.up_ms))
    call("health", "retained", "store", 0)
    try:
        if lines is not None:
            state.store(kept, lines)
    except ValueError:  # it is too long
        lines = None
    if lines is None:
        node.client = node.left = None
        lost = call("health", "ending", "keep", outbox)
        if lost:
            print("Petrel: lost:", lost)
    go_on(kept, lines or b"", node.section)


def go_on(kept, lines, section):
    """Sleep for the next piece of what is left. It doesn't return.

    section: sleep of the config, which may name what wakes the board before
    """
    piece = min(kept[state.LEFT_S], _PIECE_S)
    kept[state.LEFT_S] -= piece
    state.store(kept, lines)
    if not kept[state.BITS] & state.LOW:
        if "wake" in section:
            call("sleep", "wake", "arm", section["wake"])
        if "keep" in section:
            call("sleep", "outputs", "asleep")
    machine.deepsleep(piece * 1000)
    time.sleep_ms(_RESET_MS)  # a port may take a moment
    machine.reset()


def leave(node, client):
    """Say goodbye to the broker, and wait until it has got that: a sleep takes the radio away."""
    stream = getattr(client, "stream", None)  # a console has none
    began = ticks_ms()
    try:
        if not stream:
            return
        from mqtt.engine.end import goodbye

        said = False
        for said in goodbye(client, ticks_ms):
            if ticks_diff(ticks_ms(), began) > _GOODBYE_MS:
                break
            client.wait(0 if said else 10)
        while said and ticks_diff(ticks_ms(), began) < _GOODBYE_MS:
            if stream.readinto(client.rx, 16) == 0:  # the end
                break
            client.wait(20)
    except Exception as error:  # it has ended already, or anything; the sleep does not wait for it
        print("Petrel: no goodbye:", error)
    finally:
        client.hang_up()


def waiting(node, outbox):
    """Return what waits as lines for the RTC's memory; None if it has to go onto the flash."""
    if not outbox.count and not hasattr(outbox, "journal"):
        return b""
    if hasattr(outbox, "journal") or getattr(outbox, "aside", False) or node.must:
        return None
    from node.health.storing import left
    from node.sleep.pack import packed

    lines = []
    for number in left(outbox, None):
        outbox.get(number - outbox.removed)
        line = packed(node.prefix, node.boot, outbox.topic, outbox.payload, outbox.flags)
        lines.append(line)
        if line is None or len(lines) > outbox.limit // 2:
            return None
    return b"".join(lines)
