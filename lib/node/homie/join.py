"""Makes a node one of Homie's. Needed once, after its connection is made, then forgotten.

Its last will is that of Homie, its readings are told a second time as Homie wants them, and it
listens to what Homie sets.
"""

from micropython import const

from node.homie.mirror import Mirror

_FILE = const("homeassistant.txt")
_ATTRIBUTE = const("$description")


def join(node):
    """Take the topics from the file. Without one, which has been said, the node does without."""
    try:
        with open(_FILE) as file:
            base = file.readline().split()[0]
            if not base.endswith(_ATTRIBUTE):
                return
            base = base[: -len(_ATTRIBUTE)]
            name = ""
            shown = {}  # its sensors, and which of them are logical
            for line in file:
                if '"properties":{' in line:
                    name = line.split('"')[1]
                    shown[name] = False
                elif '"datatype":"boolean"' in line:
                    shown[name] = True
    except (OSError, IndexError):  # none, or it is damaged
        return
    client = node.client
    client.will = (base + "$state", b"lost", 1, True)
    node.status = "init"
    for sensor in node.sensors:
        name = sensor.name.lower().replace("_", "-")
        if name in shown:
            sensor.deliver = Mirror(sensor, base + name + "/", shown[name]).deliver
    if not node.secret:
        # As node.network.connection.make() does for the commands.
        pattern = base + "+/+/set"
        client.filters[pattern] = 1
        client.untold.append(pattern)
