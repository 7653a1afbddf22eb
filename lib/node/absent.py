"""Stands for a sensor that could not be made: a part that does not answer, and may do so later."""

from node.overlay import call


class Absent:
    """Tries to make the sensor again whenever it should be read.

    entry: of the config; buses: those that there are, see node.parts
    """

    FIELDS = ()

    def __init__(self, node, entry, buses):
        self.node = node
        self.entry = entry
        self.buses = buses

    def start(self):
        """Begin to measure, if the part is there now; it takes this place. Raises what it does."""
        return call("parts", "again", self.node, self.entry, self.buses)
