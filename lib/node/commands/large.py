"""Takes a command that is longer than the client's buffer: a config.

Its payload goes onto the flash. Loaded when one comes, then forgotten.
"""

import os

from micropython import const

_MOST = const(16_640)  # bytes: a config, and a signature
_MANY = const(15)  # commands as which it counts; it is one on the flash
_FILE = const("config.json.part")


def take(node, name, size):
    """Return what takes a payload of so many bytes. Raises ValueError for one that is too long."""
    if name not in ("config", "config/put") or size > _MOST:
        raise ValueError("%d bytes are too many" % size)
    if node.tokens < _MANY:
        raise ValueError("wait a few seconds before the next one as long as this")
    node.tokens -= _MANY
    return Part()


class Part:
    """What has arrived of a payload; on_message() gets it as the payload. An error is told there.

    name: the file with it; at: where the command's own payload begins, -1 until all of it is there
    """

    def __init__(self, name=_FILE):
        self.name = name
        self.at = -1
        self.error = None
        try:
            self._file = open(name, "wb")  # noqa: SIM115  # it is closed when all has come
        except OSError as error:
            self.error = error

    def write(self, piece):
        """Take a piece."""
        if not self.error:
            try:
                self._file.write(piece)
            except OSError as error:
                self.error = error

    def close(self):
        """All of it has come."""
        self.at = 0
        if self.error:
            self.abort()
        else:
            self._file.close()

    def abort(self):
        """It is cut short."""
        try:
            self._file.close()
            os.remove(self.name)
        except (OSError, AttributeError):
            pass
