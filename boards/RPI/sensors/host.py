"""The computer itself: temperature of the processor, load, memory and disk in use."""

import os

from boards.RPI import sysfs

USES = ()


def options():
    """Return no options: the driver has none of its own."""
    return {}


class Host:
    """Load (processes that want the processor), memory and disk in use in %, temperature in C.

    A computer without a sensor for its temperature leaves that out.
    """

    FIELDS = (("load", "", 2), ("memory", "%", 1), ("disk", "%", 1), ("temperature", "C", 1))

    def __init__(self):
        if self._celsius() is None:
            self.FIELDS = self.FIELDS[:3]

    def start(self):
        """Return 0: there is nothing to start."""
        return 0

    def read(self):
        """Return (load, %, %, C), or without C."""
        disk = os.statvfs(".")
        used = 100 * (1 - disk.f_bavail / disk.f_blocks) if disk.f_blocks else 0
        return (self._load(), self._memory(), used, self._celsius())[: len(self.FIELDS)]

    def _celsius(self):
        zones = sorted((sysfs.root / "sys/class/thermal").glob("thermal_zone*/temp"))
        for zone in zones:
            try:
                return sysfs.number(zone) / 1000
            except (OSError, ValueError):
                pass
        return None

    def _load(self):
        return float((sysfs.root / "proc/loadavg").read_text().split()[0])

    def _memory(self):
        facts = {}
        for line in (sysfs.root / "proc/meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            facts[name] = int(rest.split()[0])
        return 100 * (1 - facts["MemAvailable"] / facts["MemTotal"])


DRIVER = Host
