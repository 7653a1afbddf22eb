"""The end of a node: the one place that decides what follows. Needed then, and forgotten.

It says goodbye, outputs go to their safe state, what waits is kept, the end is counted, and the
board restarts after a pause, which grows from 1 s to 5 minutes while one restart follows another.
Only a person keeps it from that, with Ctrl-C.
"""

import sys
import time

from micropython import const

from node.main import strip
from node.overlay import call, forget

_STOPPED = const("stopped; machine.reset() starts it again")


def of(node, error):
    """What finish() has to know, and no reference to the node: its RAM is needed.

    error: what ended it, if anything was raised; node: None if there was none yet
    """
    crashed = ""
    ended = node and node.ended
    if isinstance(error, KeyboardInterrupt):
        ended = _STOPPED
    elif error:
        sys.print_exception(error)
        ended = crashed = _why(error, node)
        if node and node.proven:  # its good work took the start's count back: the first in a row
            call("health", "retained", "begun")
    if not node:
        return ended, crashed, "", None, int
    goodbye(node)
    release(node)
    strip(node)
    node.sensors = ()  # what may still refer to the node holds no RAM then
    return ended, crashed, node.gave_up, node.left, node.feed


def finish(ended, crashed, gave_up, outbox, feed):
    """Keep, count, pause; returns True if the board is to be reset then."""
    print("Petrel:", ended)
    lost = keep(outbox)
    seconds = call("health", "retained", "ended", ended, crashed, gave_up, lost)
    if ended == _STOPPED:
        return False
    if seconds > 1:
        print("Petrel: restarts in %d s" % seconds)
    pause(seconds, feed)
    return True


def pause(seconds, feed):
    """Wait; a watchdog that runs is fed meanwhile."""
    for _ in range(2 * seconds):
        feed()
        time.sleep_ms(500)


def _why(error, node):
    """What a crash was; short where the heap has no room for more."""
    try:
        return call("health", "why", "text", error, node)
    except Exception:
        return type(error).__name__


def goodbye(node):
    """Say that the node goes; where that cannot be said, the broker says so: the last will."""
    client = node.client
    if not client:
        return
    try:
        for _ in range(40):
            if not client.up:
                return
            # First let the reply to the last command leave. This does not wait in the outbox, as
            # it might come to the broker after the next start then.
            busy = client.outbox.count and node.ended
            if not busy and client.post(node.prefix + "status", "offline", True, 0) is not None:
                client.close()
                return
            client.wait(min(50, client.step()))
    except Exception as error:  # whatever it is: something else has ended the node
        print("Petrel: no goodbye:", error)
    finally:
        client.hang_up()


def release(node):
    """Outputs go to their safe state, counters keep their totals."""
    for sensor in node.sensors:
        if hasattr(sensor.part, "close"):
            try:
                sensor.part.close()
            except BaseException as error:  # the others have to be closed all the same
                sensor.fault(error)


def keep(outbox):
    """What was accepted and not delivered must not go with the RAM; returns how many went."""
    on_flash = hasattr(outbox, "journal") or hasattr(outbox, "restored")
    if not outbox or not (outbox.count or getattr(outbox, "aside", ()) or on_flash):
        return 0
    lost = outbox.count
    try:
        for name in list(sys.modules):  # what has come to its end needs no RAM
            if name.startswith("mqtt") or name.startswith("sensors"):  # noqa: PIE810
                del sys.modules[name]
        forget("app", "sensor", "delivery")
        kept, lost = call("health", "storing", "store", outbox)
        if kept:
            print("Petrel: kept for the next start:", kept)
    except Exception as error:  # whatever it is: the board has to restart
        print("Petrel: not kept:", error)
    return lost
