"""The bench on which the simulated board stands: its power, its parts, its Wi-Fi.

The board is a process of the unix port that imports boards/UNIX as its firmware; the bench is
everything outside: models of parts, the access point, the supply, the watchdog's clock, and the
memory that survives a reset. See boards/UNIX/README.md.
"""

from tools.play.sim.bench import Bench
from tools.play.sim.command import command

__all__ = ["Bench", "command"]
