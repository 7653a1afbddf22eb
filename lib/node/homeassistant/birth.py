"""Home Assistant's birth message, which says that it has started, and has no values yet.

At the start begin() decides whether the node tells Home Assistant about itself. If the config
doesn't say, it does once it has seen the birth message: from then on there is the file. That is
not in a module of its own, as each that is loaded leaves its name in RAM.

Its filter is held only until the broker has answered, to save RAM.
node.birth: 0: Home Assistant isn't told anything; 1 to 3: ask for the message after the next
connection, the first to third try; 4: don't ask any more; 5: the session at the broker has the
filter, until on_connect() finds that there is another; negative: it is being asked for.
"""

import hashlib
import os
import sys

from micropython import const

from node.overlay import call

_FILE = const("homeassistant.txt")
_OFTEN = const(4)
_THERE = const(5)


def begin(node, config):
    """Prepare what it will say, before the connection takes its RAM; sets node.birth.

    Putting that together takes a lot of code, whose names stay in RAM for good. So it is done only
    when the config or Petrel has changed, and then the board starts afresh.
    """
    section = config.get("homeassistant")
    there = _FILE in os.listdir()
    node.birth = int(there or section is not False)
    who = "Home Assistant"
    if section and section.get("convention") == "homie":
        who = "Homie controllers"
        node.birth = _OFTEN  # nobody asks for Home Assistant's birth message
    if node.safe or not there and not isinstance(section, dict):
        return
    try:
        mark = digest()
        if there:
            with open(_FILE) as file:
                if mark in file.readline().split():
                    return
        call("homeassistant", "compose", "compose", node, config, mark)
    except (OSError, ValueError, MemoryError) as error:  # the readings go on
        node.failed(who, error)
    else:
        if "update" in os.listdir():
            call("update", "begin", "again")
        node.ended = who + " will be told what has changed; starting afresh"


def digest():
    """Return a mark of what the file is made from: the config, and what runs."""
    stage = sys.modules.get("stage")
    runs = call("update", "begin", "running", stage) if stage else ()
    found = hashlib.sha256(str(runs or call("health", "telemetry", "version")).encode())
    with open("config.json", "rb") as file:
        while True:
            piece = file.read(64)
            if not piece:
                return found.digest()[:4].hex()
            found.update(piece)


def ask(node):
    """Ask the broker for it."""
    from mqtt.engine.subscribe import want

    want(node.client, _topic(), 0)
    node.birth = -node.birth


def take(node, topic="", payload=b"", retained=False):
    """Take a message that isn't a command, or isn't obeyed; without one, the answer to ask()."""
    if topic.endswith(b"/set".decode()):  # a short text would stay in RAM, as a name
        call("homie", "orders", "take", node, topic, payload, retained)
        return
    if topic.startswith(node.prefix):
        node.drops += 1
        return
    if not topic:
        refused = forget(node)
        node.birth = _OFTEN if refused else _THERE
        if refused and _FILE in os.listdir():  # else nobody has asked for it
            told(node, "does not allow")
        return
    there = _FILE in os.listdir()
    if payload != b"online" or retained and there:
        return  # a retained one is old, and this connection began with the same
    if not there:
        with open(_FILE, "w"):  # compose() writes it, at a calmer moment
            pass
    if not node.announce:
        node.announce = 4 + node.boot % 6  # as after a connection


def tell(node):
    """The connection ended while it was being asked for."""
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
    return topic[: topic.find(b"/device/".decode())] + b"/status".decode()


def forget(node):
    """Forget the filter; returns True if the broker has refused it."""
    refused = False
    client = node.client
    topic = _topic()
    for pattern in list(client.filters):
        if pattern == topic:
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
