"""Takes what arrives of updates. Loaded for an offer, then forgotten."""

import os
import sys

from micropython import const

from node.overlay import call

_MOST = const(1113)  # bytes: manifest, newline, signature
_NEW = const("update/offer.new")
_PIECE = const(64)


def take(node, topic, payload):
    """Take a message, or return what takes it. payload: its bytes, or how many they are"""
    if topic != node.prefix + "update/offer":
        return None
    large = isinstance(payload, int)
    size = payload if large else len(payload)
    if not size:
        call("update", "check", "withdrawn", _updates(node))
    elif size > _MOST:
        said = "an offer of %d bytes; %d are allowed" % (size, _MOST)
        call("update", "tell", "tell", node, "refused", None, None, said)
    else:
        offer = Offer(node, size)
        if large:
            return offer
        offer.write(payload)
        offer.close()
    return None


def _updates(node):
    from node.update.turns import of

    return of(node)


class Offer:
    """Puts the offer onto the flash, unless it is that of what runs; then it is looked at.

    That one comes with each connection, and is compared as it comes.
    """

    def __init__(self, node, size):
        self._node = node
        self._file = self._same = None
        self._at = 0  # so many bytes are the same
        name = "update/" + sys.modules["stage"].slot + ".offer"
        try:
            if os.stat(name)[6] == size:
                self._same = open(name, "rb")  # noqa: SIM115  # it is closed when all has come
                return
        except OSError:  # there is none
            pass
        self._begin()

    def _begin(self):
        self._file = open(_NEW, "wb")  # noqa: SIM115  # it is closed when all has come

    def write(self, piece):
        if self._same:
            if self._same.read(len(piece)) == piece:
                self._at += len(piece)
                return
            self._begin()
            self._same.seek(0)
            while self._at:
                same = self._same.read(min(self._at, _PIECE))
                self._file.write(same)
                self._at -= len(same)
            self._end()
        self._file.write(piece)

    def _end(self):
        self._same.close()
        self._same = None

    def close(self):
        if self._same:  # it runs already
            self._end()
            return
        self._file.close()
        if sys.modules["stage"].trying:  # it will be looked at when that is over
            return
        updates = _updates(self._node)
        if updates.chunks and _same(_NEW, updates.chunks.offer):
            os.remove(_NEW)  # the one that is being fetched
            return
        from node.update.check import steps

        updates.chunks = None
        updates.start(steps(updates))

    def abort(self):
        if self._same:
            self._end()
        if self._file:
            self._file.close()
            os.remove(_NEW)


def _same(name, other):
    with open(name, "rb") as a, open(other, "rb") as b:
        return a.read() == b.read()
