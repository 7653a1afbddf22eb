"""TLS: the broker's certificate and name are checked before anything is sent. Imported when used.

The clock must be right, because certificates have dates. A broker with an invalid certificate is
refused during the handshake, so it never sees the password in CONNECT.
"""

from micropython import const

from mqtt.transport import Dialler, at

_tls = __import__("tls")  # not every port has it, or a stub of it

_CONNECT_MS = const(30_000)  # a handshake takes round trips, and a small processor takes time


def tls(host, port=8883, *, ca=None, cert=None, key=None, verify=True, name=None):
    """Return a dialler for TLS to `host`.

    ca: the certificate of the authority that signed the broker's: bytes or a file name, PEM or DER
    cert, key: our own, likewise, if the broker asks for them
    verify=False: accept any broker; name: the name in its certificate, if it isn't `host`
    Raises ValueError without a `ca`, or if the port can't verify, and OSError for a file that
    can't be read.
    """
    return wrapped(host, port, context(ca=ca, cert=cert, key=key, verify=verify), name or host)


def context(*, ca=None, cert=None, key=None, verify=True):
    """Return an SSLContext for connections to brokers; see tls()."""
    made = _tls.SSLContext(_tls.PROTOCOL_TLS_CLIENT)
    if verify:
        if ca is None:
            raise ValueError("tls: give ca=, the broker's authority, or verify=False to trust all")
        if not hasattr(made, "load_verify_locations"):  # axTLS, on ESP8266
            raise ValueError("tls: this port cannot verify; verify=False to trust all")
        raw = _content(ca)
        try:
            made.load_verify_locations(raw)
        except ValueError as error:
            raise ValueError("tls: ca= is no certificate in PEM or DER: %s" % error)
        made.verify_mode = _tls.CERT_REQUIRED
    else:
        made.verify_mode = _tls.CERT_NONE
    if cert is not None:
        raw = _content(cert), _content(key)
        try:
            made.load_cert_chain(*raw)
        except ValueError as error:
            raise ValueError("tls: cert= and key= are no pair in PEM or DER: %s" % error)
    return made


def umqtt(host, port, ssl, params):
    """Return a dialler for umqtt.simple's arguments: ssl=True or an SSLContext, and ssl_params.

    Unlike umqtt, ssl=True verifies: give {"cadata": ...}, or {"cert_reqs": 0} to trust all.
    """
    name = params.get("server_hostname")
    if ssl is not True:
        return wrapped(host, port, ssl, name or host)
    return tls(
        host, port, ca=params.get("cadata"), cert=params.get("cert"), key=params.get("key"),
        verify=params.get("cert_reqs", 1) != 0, name=name,
    )  # fmt: skip


def wrapped(host, port, context, name):
    """Return a dialler for TLS with the caller's SSLContext."""
    return _Dialler(host, port, context, name)


class _Dialler(Dialler):
    connect_ms = _CONNECT_MS

    def __init__(self, host, port, context, name):
        super().__init__(host, port)
        self._context = context
        self._name = name

    def __call__(self):
        stream = self.begin()
        try:
            # The handshake is made by the first writes and reads, and so has their deadline.
            made = self._context.wrap_socket(
                stream, server_hostname=self._name, do_handshake_on_connect=False
            )
        except (OSError, ValueError, MemoryError):
            stream.close()
            raise
        at[2] = id(made)
        return made


def _content(source):
    if isinstance(source, str):
        try:
            with open(source, "rb") as file:
                return file.read()
        except OSError as error:
            raise OSError("tls: %s cannot be read: %s" % (source, error))
    return source
