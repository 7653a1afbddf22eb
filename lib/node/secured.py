"""The ways to the brokers over TLS. Its files are read when the first connection is dialled.

A file that is missing or damaged fails the connection, not the node: that is told in words, and
tried again after a pause like any other. The connection works as soon as the file is right.
"""

from node.overlay import call

_KEYS = ("ca", "cert", "key", "verify")


def dials(mqtt, places):
    """Return a list of diallers; mqtt: that section of the config; places: (host, port), ...

    One context, which holds the certificates, serves all of them.
    """
    options = {key: mqtt[key] for key in _KEYS if key in mqtt}
    made: list = []

    def dialler(i):
        def dial():
            if not made:
                _make(made, options, places)
            return made[i]()

        return dial

    return [dialler(i) for i in range(len(places))]


def _make(made, options, places):
    try:
        from mqtt.tls import context, wrapped

        shared = context(**options)
    except (ImportError, OSError, ValueError) as error:
        faults = []
        call("certificates", "check", faults, options, None)
        raise OSError(faults[0] if faults else "tls: %s" % error)
    made.extend([wrapped(host, port, shared, host) for host, port in places])
