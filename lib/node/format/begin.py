"""Has a node publish its readings as its config's "format" says. Needed once, then forgotten."""

import sys

from mqtt.link import Link
from node.format.encoded import Encoded, poster

_TYPES = {
    "json": "application/json",
    "msgpack": "application/msgpack",
    "cbor": "application/cbor",
    "plain": "text/plain",
}


def begin(node, kind, five):
    """Stand between the sensors and what delivers their readings.

    kind: the format; five: whether the node speaks MQTT 5, which has a type of the content
    """
    if kind == "msgpack":
        from node.format.msgpack import encode
    elif kind == "cbor":
        from node.format.cbor import encode
    elif kind == "plain":
        from node.format.plain import encode
    else:
        encode = str.encode
    if kind != "json":
        node.birth = False  # Home Assistant could not read them
    elif not five:
        return
    properties = {"content_type": _TYPES[kind]} if five else None
    newest = getattr(sys.modules.get("node.delivery"), "latest", 0)
    for sensor in node.sensors:
        # What waits is replaced by a newer one without them.
        more = None if sensor.deliver is newest else properties
        sensor.deliver = Encoded(sensor.deliver, encode, more).deliver
    Link.post = poster(Link.post)  # type: ignore[method-assign]  # see node.network.connection
