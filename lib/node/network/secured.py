"""How to reach the brokers over TLS. Reads its files when it dials for the first time.

A missing or damaged file fails the connection, not the node. The node reports it, and tries again
after a pause as usual. The connection works as soon as the file is right.
"""

from micropython import const

from node.overlay import call

_CONNECT_MS = const(30_000)  # see mqtt.tls, which is not loaded yet
_KEYS = ("ca", "cert", "key", "verify")


def dials(mqtt, places):
    """Return a list of diallers; mqtt: that section of the config; places: (host, port), ...

    One context holds the certificates, and serves all of them.
    """
    options = {key: mqtt[key] for key in _KEYS if key in mqtt}
    made: list = []
    return [_Dialler(made, options, places, i) for i in range(len(places))]


class _Dialler:
    """Return the dialler for places[i]. The first call makes all of them; see mqtt.transport."""

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
