"""Lets a node wait as AWS IoT Core wants it. Loaded by a config whose broker is there; it stays.

AWS takes one connection a second of a client, and its Device Advisor fails a device that comes
back earlier after the server has ended the connection.
"""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.core import Core

_LEAST_MS = const(1000)


def begin():
    """Have each pause be a second at least. Called before the client is made."""
    from mqtt.link import Link

    Link.give_up = give_up  # type: ignore[method-assign]


def give_up(client, error):
    """What give_up() of the client is here: the same, and the pause is longer if it was short."""
    error = Core.give_up(client, error)
    soon = ticks_add(ticks_ms(), _LEAST_MS + client.random(9))
    if ticks_diff(client.since, soon) < 0:
        client.since = soon
    return error
