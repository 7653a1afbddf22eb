"""The birth message of Home Assistant, which tells that it has started, and knows no value.

Its filter is not held longer than it takes the broker to answer, so that it takes no RAM.
node.birth: 0: Home Assistant is to know nothing; 1 to 3: it is asked for after the next
connection, so often that failed before; 4: no more; above 4: the broker had it in connection 1, 2,
...; negative: it is asked for just now.
"""

import os

from micropython import const

_FILE = const("homeassistant.txt")
_OFTEN = const(4)


def ask(node):
    """Ask the broker for it, unless its session has the filter from the connection before."""
    client = node.client
    left = node.birth - _OFTEN  # the connection in which the broker had it
    if left > 0:
        if left == client.connects or client.present and left == client.connects - 1:
            node.birth = _OFTEN + client.connects
            return
        node.birth = 1
    from mqtt.engine.subscribe import want

    want(client, _topic(), 0)
    node.birth = -node.birth


def take(node, topic="", payload=b"", retained=False):
    """A message that is no command, or not obeyed; or, without one, the answer to ask()."""
    if topic.startswith(node.prefix):
        node.drops += 1
        return
    if not topic:
        refused = forget(node)
        node.birth = _OFTEN if refused else _OFTEN + node.client.connects
        if refused and _FILE in os.listdir():  # else nobody has asked for it
            told(node, "does not allow")
        return
    there = _FILE in os.listdir()
    if payload != b"online" or retained and there:
        return  # a retained one is old, and this connection began with the same
    if not there:
        with open(_FILE, "w"):  # it will be written, in a calmer moment
            pass
    if not node.announce:
        node.announce = 4 + node.boot % 6  # as after a connection


def tell(node):
    """The connection ended while it was asked for."""
    node.birth = 1 - node.birth
    forget(node)
    if node.birth == _OFTEN and _FILE in os.listdir():
        told(node, "ends the connection at")


def _topic():
    try:
        with open(_FILE) as file:
            topic = file.readline().split()[0]
    except (OSError, IndexError):
        topic = "homeassistant/device/"
    return topic[: topic.find("/device/")] + "/status"


def forget(node):
    """Forget the filter; returns True if the broker has refused it."""
    refused = False
    client = node.client
    for pattern in list(client.filters):
        if not pattern.startswith(node.prefix):
            del client.filters[pattern]
            if pattern in client.untold:
                client.untold.remove(pattern)
            if pattern in client.rejected:
                client.rejected.remove(pattern)
                refused = True
    return refused


def told(node, what):
    said = "the broker %s our SUBSCRIBE to %s; see docs/homeassistant.md" % (what, _topic())
    node.failed("Home Assistant", said)
