"""Keeps what was accepted but not delivered over a restart that the node makes itself.

Readings of "must_deliver" are always on the flash. Those that wait in RAM are written there before
the node restarts itself (node.health.storing), and read at the start.
"""

import gc
import os

from micropython import const

from mqtt.engine.core import Outbox
from node.overlay import call, forget

_FOLDER = const("outbox")
_SEGMENT = const(4096)
_FEW = const(8)  # readings for which there is always room, see node.start.equip
_IN_RAM = const(16)  # how much of what is on the flash is in RAM at a time
# Of the RAM that mqtt.engine.records takes, so many quarters have to be free:
_BEFORE = const(12)  # for a flash outbox and the rest of the node
_BEHIND = const(9)  # for the rest
_CLIENT = const(4608)  # bytes that the rest takes at least
_NEVER = const(0x3FFF_FFFF)


def begin(node, config):
    """Replace config["queue"] by the outbox, unless readings are only printed."""
    if "serial" not in config["mqtt"]:
        try:
            import network  # noqa: F401
        except ImportError:
            return
    # In safe mode there are no sensors, and what was stored for them stays there.
    must = config["must"] or node.safe
    config["queue"] = outbox(node, config["queue"], config["outbox"], must)
    if config["must"] and not hasattr(config["queue"], "journal"):
        plain(node)


def outbox(node, queue, flash, must):
    """Return a node's outbox, with what was kept from before the start.

    queue: places in RAM; flash: bytes on the flash; must: true if a sensor is "must_deliver"
    A flash that can't be used, or a heap without room for this, is reported, but the node connects
    all the same. What is on the flash stays there until it is delivered.
    """

    def look(payload):
        """Continue the numbers of readings after the last one there."""
        at = payload.find(b'"seq": ') + 7
        try:
            node.count = max(node.count, int(payload[at : payload.find(b",", at)]))
        except ValueError:
            pass  # it has none

    made = queue
    there = _FOLDER in os.listdir()
    try:
        try:
            if there and not must:
                made = Outbox(queue)
                if call("health", "backlog", "begin", node, made, look, min(queue, _IN_RAM)):
                    return made
            if there or must:
                made = durable(queue, flash, look)
            return made
        except (MemoryError, ImportError) as error:
            # A small board has no mqtt.durable unless its config asks for "must_deliver".
            forget("durable", package="mqtt")
            forget("journal", package="mqtt.engine")
            if must or isinstance(error, MemoryError):
                what = "too little memory" if isinstance(error, MemoryError) else "no code"
                tell(node, error, what + " for readings on the flash; they are kept in RAM")
        made = queue
        if there:
            made = Outbox(queue)
            call("health", "backlog", "begin", node, made, look)
        return made
    except (OSError, ValueError) as error:
        tell(node, error, "the flash fails (%s); readings are kept in RAM" % error)
    except MemoryError as error:
        tell(node, error, "too little memory for the flash; readings are kept in RAM")
    finally:
        forget("survey", "records", "segments", package="mqtt.engine")
    node.more = _NEVER
    return queue


def plain(node):
    """Treat "must_deliver" as "queue" if there is no flash for it."""
    from node.delivery import must_deliver

    for sensor in node.sensors:
        if sensor.deliver is must_deliver:
            sensor.hold(sensor.part, sensor.interval, sensor.retain, None)
    forget("delivery")


def tell(node, error, fault):
    node.failed("outbox", error)
    node.about["faults"] = node.about.get("faults", []) + ["outbox: " + fault]


def need(size):
    """MemoryError unless so many bytes are free."""
    gc.collect()
    if gc.mem_free() < size:
        raise MemoryError("%d free bytes are too few" % gc.mem_free())


def durable(queue, flash, look):
    # A failed attempt leaves holes and names behind, for which a small heap has no room. What
    # one module takes shows what all of it will, and the rest of the node, from files or a ROM.
    gc.collect()
    free = gc.mem_free()
    import mqtt.engine.records  # noqa: F401

    gc.collect()
    taken = free - gc.mem_free()
    need(_BEFORE * taken // 4)
    from mqtt.engine.journal import Journal

    journal = Journal(_FOLDER, max(2, flash // _SEGMENT), _SEGMENT, look=look)
    forget("survey", package="mqtt.engine")
    from mqtt.durable import Durable

    places = min(max(queue, 4), 2 * _IN_RAM)
    if places > _FEW:
        places = call("health", "room", "places", places)
        if places < _FEW:
            raise MemoryError("room for only %d readings" % places)
    made = Durable(journal, places)
    forget("records", "segments", package="mqtt.engine")
    need(max(_BEHIND * taken // 4, _CLIENT))
    made.keep = False  # the sensors that want it say so
    return made
