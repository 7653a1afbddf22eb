"""The end of a node: the one place that decides what follows. Needed then, then forgotten.

It says goodbye, puts outputs into their safe state, keeps what is waiting, counts the end, and
restarts the board after a pause. The pause grows from 1 s to 5 minutes while restarts follow each
other. Only a person can stop that, with Ctrl-C.
"""

import sys
import time

from micropython import const

from node.main import strip
from node.overlay import call, forget

_STOPPED = const("stopped; machine.reset() starts it again")


def of(node, error):
    """Return what finish() needs, without a reference to the node, whose RAM is needed.

    error: what was raised, if anything; node: None if there was none yet
    """
    crashed = ""
    ended = node and node.ended
    if isinstance(error, KeyboardInterrupt):
        ended = _STOPPED
    elif error:
        sys.print_exception(error)
        try:
            crashed = call("health", "why", "text", error, node)
        except Exception:  # the heap has no room for more
            crashed = type(error).__name__
        ended = crashed
        if node and node.proven:  # it ran well, so this is the first crash in a row
            call("health", "retained", "begun")
    if not node:
        return ended, crashed, "", None, int
    goodbye(node)
    release(node)
    strip(node)
    node.sensors = ()  # even if something still refers to the node
    return ended, crashed, node.gave_up, node.left, node.feed


def finish(ended, error, gave_up, outbox, feed):
    """Keep, count, pause; return whether to reset the board then."""
    print("Petrel:", ended)
    if "node.log.lines" in sys.modules:
        call("log", "keep", "store")
    lost = keep(outbox)
    seconds = call("health", "retained", "ended", ended, error, gave_up, lost)
    if ended == _STOPPED:
        return False
    if seconds > 1:
        print("Petrel: restarts in %d s" % seconds)
    pause(seconds, feed)
    return True


def pause(seconds, feed):
    """Wait, and feed a running watchdog meanwhile."""
    for _ in range(2 * seconds):
        feed()
        time.sleep_ms(500)


def goodbye(node):
    """Publish that the node is going; if it can't, the broker does, by the last will.

    It waits two seconds, at most, for the answers to what was sent. If one arrived on a closed
    connection, the broker could lose the goodbye.
    """
    client = node.client
    if not (client and client.will):
        return
    topic, word = client.will[:2]
    if word == b"lost":  # see node.homie.join
        word = b"disconnected"
    try:
        if not node.ended:
            client.window = 0  # what waits is kept
        for left in range(40, 0, -1):
            if not client.up:
                return
            # Let the reply to the last command leave, too. The goodbye doesn't wait in the outbox,
            # or it might reach the broker after the next start.
            busy = left > 1 and (client.outbox.count if node.ended else client.sent)
            if not busy and client.post(topic, word, True, 0) is not None:
                client.close()
                return
            client.wait(min(50, client.step()))
    except Exception as error:  # anything: something else has ended the node
        print("Petrel: no goodbye:", error)
    finally:
        client.hang_up()


def release(node):
    """Put outputs into their safe state, and save the totals of counters."""
    for sensor in node.sensors:
        if hasattr(sensor.part, "close"):
            try:
                sensor.part.close()
            except BaseException as error:  # the others have to be closed anyway
                sensor.fault(error)


def keep(outbox):
    """Save what was accepted but not delivered; return how many messages were lost."""
    on_flash = hasattr(outbox, "journal") or hasattr(outbox, "restored")
    if not outbox or not (outbox.count or getattr(outbox, "aside", ()) or on_flash):
        return 0
    lost = outbox.count
    try:
        for name in list(sys.modules):  # what is over needs no RAM
            if name.startswith("mqtt") or name.startswith("sensors"):  # noqa: PIE810
                del sys.modules[name]
        forget("app", "sensor", "delivery")
        if not lost and hasattr(outbox, "journal"):
            outbox.journal.close()  # all is there; what stores has names that would take RAM
        else:
            kept, lost = call("health", "storing", "store", outbox)
            if kept:
                print("Petrel: kept for the next start:", kept)
    except Exception as error:  # anything: the board has to restart
        print("Petrel: not kept:", error)
    # What follows needs the RAM of both.
    outbox.ring = ()
    forget("journal", "records", "segments", "survey", package="mqtt.engine")
    return lost
