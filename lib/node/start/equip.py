"""Gives a node its parts, one after the other."""

import os
import sys

from node.overlay import call
from node.sensor import Sensor


def equip(node, config):
    """Make sensors, outbox, connection and watchdog. Empties the config, whose RAM is needed."""
    call("start", "sensors", "make", node, config)
    there = os.listdir()
    if node.ended:  # it starts afresh
        return
    config["sensors"] = ()  # what follows needs the RAM
    if config["queue"] > 8:  # for so many there is always room
        call("health", "room", "see_to", node, config)
    # Before the connection takes its RAM: nothing else at the start needs as much.
    if config["must"] or "outbox" in there:
        call("health", "kept", "begin", node, config)
    ways = call("network", "ways", "find", node, config)
    if node.ended:  # its rules were compiled
        return
    call("network", "connection", "make", node, config, ways)
    if "update" in there:
        call("update", "begin", "begin", node, config.get("update"))
    if config["watchdog"]:
        call("start", "watchdog", "start", node, config["watchdog"])
    if "node.start.absent" not in sys.modules:  # no part will be made again
        Sensor.__init__ = Sensor.hold = None  # type: ignore
    config.clear()  # something may still refer to it
