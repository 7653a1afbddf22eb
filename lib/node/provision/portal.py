"""The access point's web page and its name server, while it is open; see node.provision.opening.

Nothing here waits: step() does what is due. A request has ten seconds from its beginning to its
end, however it uses them; a fifth connection takes the place of the oldest. What a request asks
for is in node.provision.routes. Every name that someone asks for is this board, so that a phone
that looks for the internet finds the page.
"""

import select
import socket

from micropython import const

from node.provision.request import Request

_HTTP = const(80)
_DNS = const(53)
_MOST = const(4)  # connections at a time; an ESP8266 has five
_QUERY = const(512)  # bytes of the longest over UDP
_A = const(b"\x00\x01")  # the type of a query for an IPv4 address


class Portal:
    """The page at http://address, for node.provision.offer.Offer."""

    def __init__(self, offer, access, address):
        self.offer = offer
        self.access = access
        self.here = bytes([int(each) for each in address.split(".")])
        self.requests = []
        self.page = None  # while it is being sent to someone
        self.poller = select.poll()
        self.names = self.web = None
        try:
            self.names = self._bound(address, _DNS, socket.SOCK_DGRAM)
            self.web = self._bound(address, _HTTP, socket.SOCK_STREAM)
            self.web.listen(_MOST)
        except OSError:
            self.close()
            raise

    def _bound(self, address, port, kind):
        bound = socket.socket(socket.AF_INET, kind)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(socket.getaddrinfo(address, port)[0][-1])
            bound.setblocking(False)
            self.poller.register(bound, select.POLLIN)
        except OSError:
            bound.close()
            raise
        return bound

    def close(self):
        """Close everything, and switch the access point off."""
        while self.requests:
            self._end(self.requests[0])
        for each in (self.names, self.web):
            if each:
                each.close()
        try:
            self.access.active(False)
        except Exception as error:  # a port may raise anything
            print("Petrel: access point:", error)

    def step(self):
        """Answer what has come; nothing is raised, whatever it was."""
        for ready, what in self.poller.poll(0):  # a list, as it may change meanwhile
            try:
                if ready is self.names:
                    query, sender = ready.recvfrom(_QUERY)
                    said = answer(query, self.here)
                    if said:
                        ready.sendto(said, sender)
                elif ready is self.web:
                    self._accept(ready.accept()[0])
            except (OSError, MemoryError):  # it is gone already, or asks again
                pass
            for request in self.requests:
                if request.stream is ready and not request.go_on(what, self.offer):
                    self._end(request)
                    break
        for request in self.requests:
            if request.late():
                self._end(request)
                break

    def _accept(self, stream):
        if len(self.requests) == _MOST:
            self._end(self.requests[0])
        try:
            stream.setblocking(False)
            self.requests.append(Request(stream, self.poller))
        except (OSError, MemoryError):
            stream.close()

    def _end(self, request):
        self.requests.remove(request)
        try:
            self.poller.unregister(request.stream)
        except (OSError, KeyError):  # it never came so far
            pass
        request.stream.close()
        if not self.requests:
            self.page = None


def answer(query, here):
    """Return the answer to a query of DNS, that every name is here; None for what is no query."""
    end = len(query)
    if end < 17 or query[2] & 0xF8 or query[4:6] != b"\0\1":  # an answer, another kind, several
        return None
    i = 12
    while i < end and query[i]:
        if query[i] > 63:
            return None
        i += query[i] + 1
    i += 5
    if i > end:
        return None
    found = query[i - 4 : i - 2] == _A  # all others, such as IPv6, exist and have no answer
    said = (
        query[:2] + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0" + query[12:i]
    )
    if found:
        said += b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + here
    return said
