"""Enhanced authentication of MQTT 5 (4.12): a method with several steps, such as SCRAM.

    class Scram:
        method = "SCRAM-SHA-256"

        def first(self):            # the data that goes with CONNECT, bytes; or None
        def answer(self, data):     # to what the broker asks; returns bytes, or None
        def done(self, data):       # the broker has let us in; data: what it says of itself

    client = Client(broker, "me", version=5, authentication=Scram())

If the broker can't be trusted, answer() or done() raises, and the connection ends. first() begins
each connection, and each reauthenticate(). Imported if there is a method.
"""

from micropython import const

from mqtt.engine.base import ProtocolError, Refused
from mqtt.properties import encode

_AUTH = const(0xF0)
_SUCCESS = const(0x00)
_CONTINUE = const(0x18)
_AGAIN = const(0x19)
_NOT_AUTHORIZED = const(0x87)


def reauthenticate(client):
    """Authenticate again on the open connection; the broker may end it if that fails.

    Raises OSError without a connection, or if the last time isn't over yet, and ValueError if the
    client was made without a method. [MQTT5-4.12.1-1]
    """
    session = client.v5
    if session is None or session.authentication is None:
        raise ValueError("no authentication was given [MQTT5-4.12.0-7]")
    if not client.up or session.auth:
        raise OSError("not connected, or under way already")
    session.auth = _packet(session, _AGAIN, session.authentication.first())
    client.send()


def properties(session, data):
    """Return the properties that name the method. [MQTT5-4.12.0-5]"""
    found = {"authentication_method": session.authentication.method}
    if data is not None:
        found["authentication_data"] = data
    return found


def connected(session, server):
    """CONNACK; server: its properties."""
    if session.authentication is None:
        raise ProtocolError("CONNACK: a method that was not asked for")  # [MQTT5-4.12.0-6]
    _take(session, server, _SUCCESS)


def arrived(session, size, now):
    """AUTH."""
    core = session.core
    at = core.body
    code = core.rx[at] if size else _SUCCESS
    if session.authentication is None or (core.up and not session.auth):
        raise ProtocolError("AUTH that was not asked for")  # [MQTT5-4.12.0-6]
    if code != _CONTINUE and (code != _SUCCESS or not core.up):
        raise ProtocolError("AUTH with the code 0x%02x" % code)
    core.heard = core.asked_at = now  # it goes on
    _take(session, session.told(at + 1, _AUTH) if size > 1 else {}, code)


def _take(session, told, code):
    """Let the method decide; told: the properties of AUTH or CONNACK."""
    method = session.authentication
    if told.get("authentication_method") != method.method:
        raise ProtocolError("not by the method %s" % method.method)  # [MQTT5-4.12.0-5]
    data = told.get("authentication_data")
    try:
        if code == _CONTINUE:
            session.auth = _packet(session, _CONTINUE, method.answer(data))  # [MQTT5-4.12.0-3]
            core = session.core
            core.reply = core.reply or _AUTH << 16  # so that it is sent at once
        else:
            session.auth = None
            method.done(data)
    except Exception as error:
        refused = Refused("authentication: %s: %s" % (type(error).__name__, error))
        refused.code = _NOT_AUTHORIZED
        raise refused


def send(session):
    """Encode the waiting AUTH."""
    waits = session.auth
    session.auth = True  # an answer is awaited
    core = session.core
    if core.reply == _AUTH << 16:
        core.reply = 0
    core.tx[5:] = waits
    core.finish(_AUTH)
    return True


def _packet(session, code, data):
    return bytes((code,)) + encode(properties(session, data), _AUTH)
