"""The ways to the brokers over TLS. Its files are read when the first connection is dialled.

A file that is missing or damaged fails the connection, not the node: that is told in words, and
tried again after a pause like any other. The connection works as soon as the file is right.
"""

from micropython import const

from node.overlay import call

_CONNECT_MS = const(30_000)  # see mqtt.tls, which is not loaded yet
_KEYS = ("ca", "cert", "key", "verify")


def dials(mqtt, places):
    """Return a list of diallers; mqtt: that section of the config; places: (host, port), ...

    One context, which holds the certificates, serves all of them.
    """
    options = {key: mqtt[key] for key in _KEYS if key in mqtt}
    made: list = []
    return [_Dialler(made, options, places, i) for i in range(len(places))]


class _Dialler:
    """The dialler for places[i]. The first call makes those for all places, see mqtt.transport."""

    connect_ms = _CONNECT_MS

    def __init__(self, made, options, places, i):
        self._made = made
        self._options = options
        self._places = places
        self._i = i
        self.more = 0

    def __call__(self):
        if not self._made:
            _make(self._made, self._options, self._places)
        dial = self._made[self._i]
        try:
            return dial()
        finally:
            self.more = dial.more


def _make(made, options, places):
    try:
        from mqtt.tls import context, wrapped

        shared = context(**options)
    except (ImportError, OSError, ValueError) as error:
        faults = []
        call("config", "certificates", "check", faults, options, None)
        raise OSError(faults[0] if faults else str(error))
    made.extend([wrapped(host, port, shared, host) for host, port in places])
