"""A sensor's interval has changed, and with it how long Home Assistant waits for its values.

The number has a fixed width, so it is changed in place, see node.homeassistant.entities.
"""

from micropython import const

_FILE = const("homeassistant.txt")


def change(node, order):
    """Change that in the discovery, and have it sent; order: the sensor and the seconds."""
    seconds = order["seconds"]
    for sensor in node.sensors:
        if sensor.name == order["sensor"]:  # filters may hold back its values for a time
            seconds += max(0, getattr(sensor.part, "pause", 0)) / 1000
    topic = ('"stat_t":"%s%s' % (node.prefix, order["sensor"])).encode()
    at = 0
    changed = False
    try:
        with open(_FILE, "r+b") as file:
            while True:
                line = file.readline()
                if not line:
                    break
                place = line.find(b'"exp_aft":')
                end = line.find(topic) + len(topic)
                if place > 0 and end > len(topic) and line[end : end + 1] in (b'"', b"/"):
                    file.seek(at + place + 10)
                    file.write(b"%-6d" % max(60, int(seconds * 3)))
                    changed = True
                at += len(line)
                file.seek(at)
    except OSError:  # there is none, or the flash fails
        return
    if changed and not node.announce:
        node.announce = 4 + node.boot % 6
