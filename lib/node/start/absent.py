"""Stands for a sensor that could not be made: a part that does not answer, and may do so later."""

from node.overlay import call


class Absent:
    """A part that tries to make the real one whenever its sensor should be read.

    entry: of the config; buses: those that there are, see node.start.sensors
    """

    FIELDS = ()

    def __init__(self, sensor, entry, buses):
        self.sensor = sensor
        self.entry = entry
        self.buses = buses

    def start(self):
        """Begin to measure, if the part is there now, which takes this place then."""
        return call("start", "sensors", "again", self.sensor, self.entry, self.buses)
