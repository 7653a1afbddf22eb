"""Tells Home Assistant what there is, after each connection and when Home Assistant has started.

First the discovery is sent from its file, and three seconds later, when Home Assistant listens,
every value. Needed then, then forgotten. node.announce: s until the values are sent; 0: they were.
"""

import os

from micropython import const

from node.overlay import call, forget

_FILE = const("homeassistant.txt")
_OFTEN = const(4)  # nobody asks for the birth message any more, see node.homeassistant.birth
_BARRED = const(9)  # topics that post() refuses for now, see mqtt.engine.suspects


def step(node):
    """Do what is due at this second."""
    client = node.client
    if not client.up:
        return  # it begins again with the next connection
    if node.status == "init":
        call("homie", "step", "step", node)
        return
    if node.announce:
        if client.left or not written(node, client):
            node.announce += 1  # in the next second
        elif 0 < node.birth != _OFTEN:
            call("homeassistant", "birth", "ask", node)
        return
    if node.birth < 0:
        if client.untold:
            node.announce = 1
            return
        call("homeassistant", "birth", "take", node)
    if _FILE in os.listdir():
        node.states = 0
        node.every = True  # not only the states
        node.news = True


def written(node, client):
    """Send the discovery; False if that has to wait."""
    try:
        size = os.stat(_FILE)[6]
    except OSError:
        return True
    if not size:  # the birth message came for the first time
        call("homeassistant", "compose", "compose", node, None, "")
        return False
    file = open(_FILE, "rb")  # noqa: SIM115  # it is closed when all of it has left
    try:
        line = file.readline()
        topics = str(line, "utf-8").split()
        topic = topics[0]
        for former in topics[2:]:
            if client.post(former, b"", True, 0) is None:
                return False
        if topic == "-":
            os.remove(_FILE)
            node.birth = 0
            return True
        if len(topics) > 2:  # they are withdrawn: put spaces in their place
            file.close()
            text = " ".join(topics[:2]).encode()
            with open(_FILE, "r+b") as file:
                file.write(text + b" " * (len(line) - 1 - len(text)) + b"\n")
            return False
        from mqtt.engine.piecewise import send

        if send(client, topic, size - len(line), file, True):
            file = None
            return True
        if client.again is not None and topic in client.past[_BARRED]:
            node.failed("Home Assistant", "the broker ends the connection at " + topic)
            return True
        return False
    finally:
        if file:
            file.close()
        forget("piecewise", package="mqtt.engine")
