"""Takes an offer that arrives. Loaded for one, then forgotten."""

import os

from micropython import const

from node.overlay import call

_MOST = const(1113)  # bytes: manifest, newline, signature
_NEW = const("update/offer.new")


def take(updates, size):
    """Return what takes an offer of so many bytes, None if it isn't wanted. 0: it is withdrawn."""
    if not size:
        call("update", "check", "withdrawn", updates)
    elif size > _MOST:
        said = "an offer of %d bytes; %d are allowed" % (size, _MOST)
        call("update", "tell", "tell", updates, "refused", None, None, said)
    else:
        return Offer(updates)
    return None


class Offer:
    """Puts the offer onto the flash; then it is looked at, in a turn of the loop."""

    def __init__(self, updates):
        self._updates = updates
        self._file = open(_NEW, "wb")  # noqa: SIM115  # it is closed when all has come

    def write(self, piece):
        self._file.write(piece)

    def close(self):
        self._file.close()
        updates = self._updates
        if updates.stage.trying:  # it will be looked at when that is over
            return
        if updates.chunks and _same(_NEW, updates.chunks.offer):
            os.remove(_NEW)  # the one that is being fetched
            return
        from node.update.check import steps

        updates.chunks = None
        updates.start(steps(updates))

    def abort(self):
        self._file.close()
        os.remove(_NEW)


def _same(name, other):
    with open(name, "rb") as a, open(other, "rb") as b:
        return a.read() == b.read()
