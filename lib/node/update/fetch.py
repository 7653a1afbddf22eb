"""Fetches an update into the free slot, piece by piece, while the node goes on with its work.

What the slot has already is checked and kept, so an outage or a restart costs no more than the
chunk that was on its way. A file that runs here in the same form is copied.
"""

import os
from hashlib import sha256
from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_CHUNK = const(2048)
_PIECE = const(256)  # bytes of the buffer with which files are read
_TURN = const(8)  # such pieces in one turn of the loop
_ANSWER_MS = const(10_000)
_PAUSE_MS = const(60_000)  # after the server has said that it can't
_LATER_MS = const(600_000)  # after a file was wrong again and again
_TRIES = const(3)
_REASON = const(100)  # characters of what the server says


class Chunks:
    """Takes the chunks that arrive: one at a time, that which was asked for."""

    def __init__(self, offer, identity):
        self.offer = offer  # the file with it
        self.identity = identity
        self.file = None
        self.wanted = b""  # the first line of the chunk that was asked for; empty: it has come
        self.left = 0  # of its bytes
        self.reason = None  # why the server can't, if it has said so
        self.percent = 0  # of the update that is there
        self._size = 0
        self._head = None  # what came of the first line; None: the bytes are taken or dropped
        self._takes = False
        self._refuses = False

    def ask(self, number, offset, length):
        """Prepare for a chunk; return the request."""
        self.wanted = ("%s %d %d" % (self.identity, number, offset)).encode()
        self.left = length
        self.reason = None
        return "%s %d %d %d" % (self.identity, number, offset, length)

    def begin(self, size):
        """A chunk arrives; size: its bytes with its first line."""
        self._size = size
        self._head = b""
        self._takes = self._refuses = False

    def write(self, piece):
        if self._head is not None:
            self._head += bytes(piece)
            at = self._head.find(b"\n")
            if at < 0 and len(self._head) < 64:
                return
            piece = self._head[at + 1 :]
            first = self._head[:at]
            self._head = None
            if not self.wanted:
                return
            if first == self.wanted.rsplit(b" ", 1)[0] + b" -":
                self.reason = bytearray()
                self.wanted = b""
                self._refuses = True
            self._takes = first == self.wanted and self._size - at - 1 == self.left
        if self._takes:
            self.file.write(piece)
            self.left -= len(piece)
        elif self._refuses:
            for byte in piece[: _REASON - len(self.reason)]:
                self.reason.append(byte if 32 <= byte < 127 else 63)  # "?"

    def close(self):
        if self._takes:
            self.wanted = b""
            self._takes = False

    def abort(self):
        self._takes = False


def fetch(updates, offer, slot, identity):
    """Yield the ms that can pass until the next step. Ends with a restart of the node.

    offer: the manifest, and identity: what tells it from others; slot: where it is to go
    """
    name = "update/" + slot
    topic = updates.node.prefix + "update/chunk"
    client = updates.node.client
    if topic not in client.filters:
        client.filters[topic] = 1
        client.untold.append(topic)
    chunks = Chunks(name + ".offer", identity)
    updates.chunks = chunks
    work = updates, offer, chunks
    try:
        size, digest = offer["list"]
        chunks.file = opened(name + ".list")
        yield from part(work, 0, "", 0, size, digest)
        chunks.file.close()
        chunks.file = opened(name + ".pack")
        from node.update.listing import entries

        with open(name + ".list") as file:
            for _ in entries(file, offer["files"], offer["size"]):
                yield 0
        number = at = 0
        call("update", "tell", "tell", updates.node, "fetching", offer, 0)
        with open(name + ".list") as file:
            for digest, size, path in entries(file, offer["files"], offer["size"]):
                number += 1
                yield from part(work, number, path, at, size, digest)
                at += size
                percent = at * 100 // max(1, offer["size"])
                if percent // 10 > chunks.percent // 10:
                    chunks.percent = percent
                    call("update", "tell", "tell", updates.node, "fetching", offer, percent)
        from node.update.commit import commit

        updates.start(commit(updates, offer, slot))
    except ValueError as error:
        call("update", "tell", "tell", updates.node, "refused", offer, None, error)
    except OSError:  # on FAT a power cut can leave a file that can't be written any more
        chunks.file.close()
        for each in os.listdir("update"):
            if each in (slot + ".list", slot + ".pack"):
                os.remove("update/" + each)
        raise
    finally:
        updates.chunks = None
        if chunks.file:
            chunks.file.close()


def opened(name):
    """Return the file, to be read and written; a new one if there is none."""
    try:
        return open(name, "r+b")
    except OSError:
        with open(name, "wb"):
            pass
        return open(name, "r+b")


def part(work, number, path, at, size, digest):
    """See that a file is there in the slot, at that place."""
    updates, offer, chunks = work
    file = chunks.file
    tries = 0
    while True:
        have = file.seek(0, 2) - at
        if have >= size:
            file.seek(at)
            if (yield from same(file, size, digest)):
                return
            have = 0
            if tries:
                said = "%s came with other bytes than those that were signed" % (
                    path or "the list"
                )
                call(
                    "update", "tell", "tell", updates.node, "waiting", offer, chunks.percent, said
                )
                yield from pause(_LATER_MS if tries >= _TRIES else 1000)
        if path and not tries and (yield from copied(updates, file, path, at, size, digest)):
            continue
        tries += 1
        yield from fetched(work, number, at, size, max(0, have))


def copied(updates, file, path, at, size, digest):
    """Copy the file if what runs has it in the same form; return whether it did."""
    for name in ("/slot/" + path, path, "/rom/" + path[4:]):
        try:
            if os.stat(name)[6] != size:
                continue
            source = open(name, "rb")  # noqa: SIM115  # it is closed below
        except OSError:
            continue
        found = yield from same(source, size, digest)
        source.close()
        if not found:
            continue
        source = open(name, "rb")  # noqa: SIM115  # it is closed below
        file.seek(at)
        buffer = bytearray(_PIECE)
        view = memoryview(buffer)
        left = size
        turn = 0
        while left:
            n = source.readinto(view[: min(left, _PIECE)])
            if not n:
                break
            file.write(view[:n])
            left -= n
            turn += 1
            if turn % _TURN == 0:
                yield 0
        source.close()
        file.flush()
        return not left
    return False


def fetched(work, number, at, size, have):
    """Ask for what is missing of a file, until it is there."""
    updates, offer, chunks = work
    client = updates.node.client
    topic = updates.node.prefix + "update/get"
    chunks.file.seek(at + have)
    while have < size:
        length = min(_CHUNK, size - have)
        request = chunks.ask(number, have, length)
        while not client.up or client.untold or client.post(topic, request, False, 0) is None:
            yield 100
        began = ticks_ms()
        connection = client.connects
        while chunks.wanted and connection == client.connects and client.up:
            if ticks_diff(ticks_ms(), began) > _ANSWER_MS:
                call("update", "tell", "tell", updates.node, "waiting", offer, chunks.percent)
                break
            yield 500
        if chunks.reason is not None:
            said = "the server says: " + (str(chunks.reason, "utf-8") or "no")
            call("update", "tell", "tell", updates.node, "waiting", offer, chunks.percent, said)
            yield from pause(_PAUSE_MS)
            continue
        have += length - chunks.left
        chunks.file.flush()


def pause(ms):
    began = ticks_ms()
    while ticks_diff(ticks_ms(), began) < ms:
        yield 1000


def same(file, size, digest):
    """Return whether the next bytes of a file have that SHA-256, in hex."""
    found = sha256()
    buffer = bytearray(_PIECE)
    view = memoryview(buffer)
    turn = 0
    while size:
        n = file.readinto(view[: min(size, _PIECE)])
        if not n:
            return False
        found.update(view[:n])
        size -= n
        turn += 1
        if turn % _TURN == 0:
            yield 0
    return found.digest().hex() == digest
