"""Says why there is no connection to the broker, with its host, its port and what to do.

Imported when one has failed, and not before. Error numbers differ between ports, so an error
that has a name in `errno` goes by that.
"""

import errno

from mqtt.engine.base import LinkError, ProtocolError
from mqtt.transport import at


def explain(client, error, usual):
    """Return an error that says it in words; `usual` if there is nothing to add.

    error: what was raised, before the client hangs up
    """
    place = at[:]
    at.clear()
    stream = client.stream
    if not place or place[2] != (id(stream) if stream else 0):
        return usual  # it was opened in another way, or another client came between
    if isinstance(error, TypeError):
        return LinkError("host %r, port %r: %s" % (place[0], place[1], error))
    if not isinstance(error, OSError):
        return usual
    secure = "SSL" in type(stream).__name__
    what = _what(client, error, secure, place[1])
    if what:
        told = LinkError("%s:%s %s" % (place[0], place[1], what))
        told.errno = error.errno if isinstance(error.errno, int) else None  # type: ignore[misc]
    elif type(usual) is LinkError:
        told = LinkError("%s:%s: %s" % (place[0], place[1], usual))
    else:
        return usual
    told.times = getattr(usual, "times", 0)  # type: ignore[attr-defined]
    told.reach = True  # type: ignore[attr-defined]
    return told


def _what(client, error, secure, port):
    number = error.errno
    if not isinstance(number, int):
        number = 0
    got = bytes(client.rx[:4]) if client.held or isinstance(error, ProtocolError) else b""
    if got == b"HTTP":
        return "is a web server. Give the port for MQTT: usually 1883, with TLS 8883."
    if got[:2] == b"\x15\x03":
        return (
            "wants TLS. Give the broker's certificate (ca), or its port without TLS, usually 1883."
        )
    if not client.stream and (-300 < number < 0 or "addrinfo" in str(error)):
        return "is not known: there is no address of that name. Check it, or give the address."
    if number in (111, _number("ECONNREFUSED")) or client.opening and reset(number):
        return "refused the connection. Check that the broker runs, and its port."
    # 101, 114 and 118: of Linux and newlib
    if number in (101, 114, 118, _number("EHOSTUNREACH"), _number("ENETUNREACH")):
        return "cannot be reached. Check the address, and that it is in this network."
    if client.opening or number == _number("ETIMEDOUT"):
        return "does not answer. Check the address, the firewall, and that the broker runs."
    if type(error) is LinkError and "in time" in str(error):
        what = "took the connection and says nothing (%s). Is it an MQTT broker, " % error
        return what + ("with TLS?" if secure else "without TLS?")
    if secure and (number < -300 or reset(number) or number == 0):
        return (
            "broke off TLS (%s). Is it the port for TLS, usually 8883? Does it want a certificate "
            "of ours?" % error.args[-1]
        )
    if port == 8883 and (reset(number) or type(error) is LinkError):
        return "ended the connection. 8883 usually needs TLS: give the broker's certificate (ca)."
    return None


def reset(number):
    return number in (104, _number("ECONNRESET"), _number("ECONNABORTED"))


def _number(name):
    return getattr(errno, name, -1)
