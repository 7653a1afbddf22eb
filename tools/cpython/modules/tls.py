"""MicroPython's `tls`, over Python's ssl."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

from tools.cpython.modules.streams import POLLERR, POLLHUP, POLLIN, POLLOUT, Interest, Socket, part

PROTOCOL_TLS_CLIENT = 0
CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = 0, 1, 2
_FATAL = -0x7780  # what mbedTLS says of an alert of the other side
_PIECE = 16_384
_KEYS = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")


class SSLContext:
    """Like MicroPython's: certificates are bytes, in PEM or DER."""

    def __init__(self, _protocol: int = PROTOCOL_TLS_CLIENT) -> None:
        self._real = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @property
    def verify_mode(self) -> int:
        return int(self._real.verify_mode)

    @verify_mode.setter
    def verify_mode(self, mode: int) -> None:
        self._real.check_hostname = mode == CERT_REQUIRED
        self._real.verify_mode = ssl.VerifyMode(mode)

    def load_verify_locations(self, cadata: bytes) -> None:
        try:
            self._real.load_verify_locations(
                cadata=cadata.decode() if b"-----BEGIN" in cadata else bytes(cadata)
            )
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise ValueError("invalid cert") from error

    def load_cert_chain(self, cert: bytes, key: bytes) -> None:
        """Take the pair. Python reads it from a file: it is in one for that moment."""
        shown = cert if b"-----BEGIN" in cert else ssl.DER_cert_to_PEM_cert(cert).encode()
        keys = [key] if b"-----BEGIN" in key else [_pem(key, kind) for kind in _KEYS]
        for each in keys:
            with tempfile.TemporaryDirectory(prefix="petrel-") as folder:  # for us alone
                path = Path(folder) / "pair.pem"
                path.write_bytes(shown.rstrip() + b"\n" + each)
                try:
                    return self._real.load_cert_chain(path)
                except ssl.SSLError as error:
                    failed = error
        raise ValueError("invalid key") from failed

    def wrap_socket(
        self,
        sock: Socket,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        do_handshake_on_connect: bool = True,
    ) -> SSLSocket:
        return SSLSocket(sock, self._real, server_hostname)


def _pem(der: bytes, kind: str) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", kind).encode()


class SSLSocket:
    """A stream over a non-blocking socket, which may still be connecting.

    The first read or write begins the handshake.
    """

    def __init__(self, sock: Socket, context: ssl.SSLContext, name: str | None) -> None:
        self._sock = sock
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)
        self._begun = self._open = self._ended = False
        self._dry = True  # all that has come was read
        self._rest = b""  # encrypted, and not sent yet

    def fileno(self) -> int:
        return self._sock.fileno()  # type: ignore[no-any-return]

    def interest(self, flags: int) -> Interest:
        number = self._sock.fileno()
        if not self._begun:
            return 0, number, flags
        if self._open and flags & POLLIN and not self._dry:
            return POLLIN if self._rest else POLLIN | flags & POLLOUT, number, 0
        if self._rest:
            return 0, number, POLLOUT
        return 0, number, flags if self._open else POLLIN

    def came(self, flags: int, events: int) -> int:
        if not self._begun or self._open:
            return events
        return flags | events & (POLLERR | POLLHUP)  # either call goes on with the handshake

    def readinto(self, buffer: Any, n: int = -1) -> int | None:
        if not self._turn():
            return None
        with memoryview(buffer) as whole:
            size = len(whole) if n < 0 else n
            while True:
                try:
                    return self._tls.read(size, whole)  # type: ignore[return-value]
                except ssl.SSLWantReadError:
                    self._dry = True
                    if self._ended:
                        return 0
                    if not self._fill():
                        return None
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    return 0
                except ssl.SSLError as error:
                    raise _told(error) from error

    def write(self, data: Any, at: int | None = None, n: int | None = None) -> int | None:
        if not self._turn() or self._rest:
            return None
        with memoryview(data) as whole, part(whole, at, n) as piece:
            try:
                count = self._tls.write(piece)
            except ssl.SSLError as error:
                raise _told(error) from error
        self._flush()
        return count

    def close(self) -> None:
        if self._open:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # it wants the other side's goodbye, which nobody waits for
            try:
                self._flush()
            except OSError:
                pass  # it has ended already
        self._sock.close()

    def _turn(self) -> bool:
        """Send what waits, and go on with the handshake; True if that is done."""
        self._begun = True
        self._flush()
        while not self._open:
            try:
                self._tls.do_handshake()
                self._open = True
            except ssl.SSLWantReadError:
                self._flush()
                if self._ended:
                    raise ConnectionResetError(104, "the handshake was broken off") from None
                if not self._fill():
                    return False
            except ssl.SSLError as error:
                self._flush()  # the alert
                raise _told(error) from error
        self._flush()
        return True

    def _fill(self) -> bool:
        """Take in what has come; False if nothing has."""
        piece = bytearray(_PIECE)
        n = self._sock.readinto(piece)
        if n is None:
            return False
        if n:
            self._in.write(piece[:n])
            self._dry = False
        else:
            self._ended = True
            self._in.write_eof()
        return True

    def _flush(self) -> None:
        self._rest += self._out.read()
        while self._rest:
            n = self._sock.write(self._rest)
            if not n:
                return
            self._rest = self._rest[n:]


def _told(error: ssl.SSLError) -> Exception:
    """As mbedTLS tells it: ValueError for a certificate, OSError below 0 for the rest."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ValueError(error.verify_message)
    return OSError(_FATAL, error.reason or str(error))
