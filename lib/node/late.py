"""Tells commands that were sent while the node was away. Needed after a connection has begun."""

from micropython import const

_MANY = const(8)  # commands that came in one go: the broker may hold back more
_PINGRESP = const(0xD0)


def look(node, arrived):
    """Set node.late to 0 once what arrives is new; arrived: 1 for a command, else 0.

    What comes before the answer to a PINGREQ that left at once had been kept by the broker. It may
    send some, and more when those are acknowledged: then it is asked again.
    """
    client = node.client
    if client.ping_due or client.awaited == _PINGRESP:
        node.late += arrived
    else:
        client.ping_due = node.late > _MANY
        node.late = int(client.ping_due)
