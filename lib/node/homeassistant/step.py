"""Tells Home Assistant what there is, after each connection and when Home Assistant has started.

First the discovery is sent from its file, and three seconds later, when Home Assistant listens,
every value. Needed then, then forgotten. node.announce: s until the values are sent; 0: they were.

send() is for whatever leaves from a file. It is here, and not in a module of the engine, because
each module that is loaded leaves its name in RAM: this one's is there anyway.
"""

import os

from micropython import const

from node.overlay import call

if False:  # for type checkers
    from typing import Any

_FILE = const("homeassistant.txt")
_OFTEN = const(4)  # from here on nobody asks for the birth message, see node.homeassistant.birth
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
        elif 0 < node.birth < _OFTEN:
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
    found = prepared(node, client)
    if not isinstance(found, tuple):
        return found
    topic, left, file = found
    try:
        if send(client, topic, left, file, True):
            file = None
    finally:
        if file:
            file.close()
    if not file:
        try:
            client.send()  # now, while little else is in RAM
        except Exception as error:  # as in post()
            client.failed(error)
        return True
    if client.again is not None and topic in client.past[_BARRED]:
        node.failed("Home Assistant", "the broker ends the connection at " + topic)
        return True
    return False


def prepared(node, client):
    """Return the topic, how many bytes, and the file; True if there is nothing, False to wait."""
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
        for former in topics[2:]:
            if client.post(former, b"", True, 0) is None:
                return False
        if topics[0] == "-":
            os.remove(_FILE)
            node.birth = 0
            return True
        if len(topics) > 2:  # they are withdrawn: put spaces in their place
            file.close()
            text = " ".join(topics[:2]).encode()
            with open(_FILE, "r+b") as file:
                file.write(text + b" " * (len(line) - 1 - len(text)) + b"\n")
            return False
        found = topics[0], size - len(line), file
        file = None
        return found
    finally:
        if file:
            file.close()


def send(core, topic, left, stream, retain=False):
    """Have `left` bytes of an open file leave piece by piece, so that no heap has to hold them.

    They are one PUBLISH of QoS 0, whose length is known beforehand. Whenever the client has
    written all that it had to write, it asks next_packet() for more: until the last piece has
    left, or the connection ends, that is ours. Then the file is closed.

    Returns False, and leaves the file open, if nothing can be sent now: without a connection,
    while another packet leaves, or where the broker ended the connection at this topic before. It
    may raise what post() may.
    """
    if not core.up or core.left or core.again is not None and topic in core.past[_BARRED]:
        return False
    if left <= len(core.rx):  # it fits into the buffer, where encode() would put it
        payload = stream.read(left)
        stream.close()
        return core.post(topic, payload, retain, 0) is not None
    # Where the method is that is called; MQTT 5 has its own.
    owner: "Any" = core if core.v5 else type(core)
    while "next_packet" not in owner.__dict__:  # in place: the dict of a class never shrinks
        owner = owner.__bases__[0]
    before = owner.next_packet
    connection = core.stream
    at, room = 0, core.view  # set when the topic is there

    def next_packet(self=core):
        nonlocal left
        if self is not core:
            return before(self)
        lasts = core.stream is connection
        if left and lasts:
            # The pieces stand in tx behind the topic, which has to be known if the broker ends the
            # connection at it, see engine.suspects.
            tx = core.tx
            tx[at:] = b""
            tx.extend(room)
            n = stream.readinto(memoryview(tx)[at:], min(left, len(room)))
            if not n:
                raise OSError("a file that is being sent ends too early")
            left -= n
            tx[at + n :] = b""
            core.left = n
            return True
        owner.next_packet = before
        stream.close()
        return before() if core.v5 else before(core)

    # Nothing may fail between the header and the rest, which the broker would take from whatever
    # leaves next.
    owner.next_packet = next_packet
    try:
        core.encode(topic, range(left), int(retain))  # which has that length, and takes no room
    except Exception:
        owner.next_packet = before
        raise
    core.tail = None
    at = len(core.tx)
    room = core.view[: len(core.rx) + 7 - at]  # so tx has never more than it was made for
    return True
