# The simulated board's `time`: this computer's clock, unless the bench says that the board's clock
# was never set or is wrong. Then it starts where the bench wants it.
import utime
from bench import ask
from utime import *  # noqa: F403

_offset = int(ask("clock") or 0)


def time():
    return utime.time() + _offset


def gmtime(seconds=None):
    return utime.gmtime(time() if seconds is None else seconds)


localtime = gmtime


def set(seconds):
    global _offset
    _offset = int(seconds) - int(utime.time())
    ask("clock", _offset)
