"""Stands in for a sensor that couldn't be made, because its part didn't answer, until it does."""

from node.overlay import call


class Absent:
    """A part that tries to make the real one whenever its sensor is due.

    entry: the sensor's config; buses: the I2C buses so far, see node.start.sensors
    """

    FIELDS = ()

    def __init__(self, sensor, entry, buses):
        self.sensor = sensor
        self.entry = entry
        self.buses = buses

    def start(self):
        """Make the real part, which takes this one's place, and start it."""
        return call("start", "sensors", "again", self.sensor, self.entry, self.buses)
