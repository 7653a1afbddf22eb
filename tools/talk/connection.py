"""The way from a command to a broker: its options, TLS, and what is wrong in words."""

from __future__ import annotations

import functools
import os
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.shared.errors import ToolError

ANSWER_S = 10  # what a broker gets to answer CONNECT
PLAIN, SECURE = 1883, 8883
HTTPS = 443

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Address:
    """Where the broker is, and how it is spoken to; `context` is None without TLS."""

    host: str
    port: int
    context: ssl.SSLContext | None = None
    user: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def password(self) -> str:
        """The password of the user: PETREL_PASSWORD, or what somebody types."""
        given = os.environ.get("PETREL_PASSWORD")
        return given if given is not None else click.prompt("password", hide_input=True)


def options(user: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a broker; it gets an Address as `broker`.

    user: False for a command that only carries what somebody else says to the broker
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(
            host: str, tls: bool | None, ca: Path | None, cert: Path | None, key: Path | None,
            insecure: bool, user: str | None = None, **others: Any,
        ) -> Any:  # fmt: skip
            return function(broker=address(host, tls, ca, cert, key, insecure, user), **others)

        given = [
            click.option(
                "--host", default="127.0.0.1", show_default=True,
                help="the broker: NAME or NAME:PORT; the port is 1883, with TLS 8883",
            ),
            click.option("--tls/--no-tls", default=None, help="TLS; also with --ca or port 8883"),
            click.option("--ca", type=_FILE, help="the authority that signed the broker's "
                         "certificate, PEM; without it, the authorities that this computer "
                         "trusts"),
            click.option("--cert", type=_FILE, help="a client certificate, PEM"),
            click.option("--key", type=_FILE, help="its private key, PEM"),
            click.option("--insecure", is_flag=True, help="TLS without checking who answers"),
        ]  # fmt: skip
        if user:
            text = "user name; asks for the password, or takes it from PETREL_PASSWORD"
            given.append(click.option("--user", help=text))
        for option in reversed(given):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def address(
    host: str,
    tls: bool | None = None,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    insecure: bool = False,
    user: str | None = None,
) -> Address:
    """What the options say; raises ToolError where they contradict each other."""
    name, port = _split(host)
    if key and not cert:
        raise ToolError("--key needs --cert", "give the certificate as well")
    if tls is None:
        tls = bool(ca or cert or insecure) or port == SECURE
    elif not tls and (ca or cert or insecure):
        raise ToolError("--no-tls contradicts --ca, --cert and --insecure", "leave one out")
    context = _context(ca, cert, key, insecure) if tls else None
    return Address(name, port or (SECURE if tls else PLAIN), context, user)


def log_in(client: paho.Client, broker: Address) -> None:
    """Give a client the TLS, the user and the password that a broker wants."""
    if broker.context:
        client.tls_set_context(broker.context)
    if broker.user:
        client.username_pw_set(broker.user, broker.password())


def _split(host: str) -> tuple[str, int]:
    """The name and the port of HOST; port 0 if it has none."""
    if "://" in host:
        raise ToolError(f"the broker {host!r} is a URL", "give its NAME or NAME:PORT alone")
    if host.count(":") > 1 and not host.startswith("["):
        return host, 0  # an IPv6 address
    name, _, number = host.rpartition(":") if host[-1:] != "]" and ":" in host else (host, "", "")
    name = name.strip("[]")
    if not name or (number and not (number.isdigit() and 0 < int(number) < 65536)):
        raise ToolError(
            f"the broker {host!r} is not NAME:PORT", "say HOST=broker or HOST=broker:1883"
        )
    return name, int(number or 0)


def _context(
    ca: Path | None, cert: Path | None, key: Path | None, insecure: bool
) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if ca:
            context = ssl.create_default_context(cafile=str(ca))
    except ssl.SSLError as error:
        raise ToolError(
            f"{ca} is not a certificate in PEM: {words(error)}", "give another --ca"
        ) from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        if cert:
            context.load_cert_chain(cert, key)
    except (ssl.SSLError, OSError) as error:
        files = f"{cert} and {key}" if key else str(cert)
        raise ToolError(
            f"{files}: the certificate and key don't belong together: {words(error)}",
            "both must be PEM; --key names the key if it isn't in the certificate's file",
        ) from error
    return context


def words(error: Exception) -> str:
    """What an error of the network or TLS says, without its number."""
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


class Connection:
    """The broker, for as long as it is watched. Says in words what is wrong.

    lost: why there is no connection now, empty while there is one
    refused: why there will be none, empty if there is
    """

    def __init__(self, broker: Address, *topics: str) -> None:
        self.lost = ""
        self.refused = ""
        self._broker = broker
        self._topics = topics
        self._answered = threading.Event()
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = self._on_disconnect
        log_in(self.client, broker)

    def open(self) -> None:
        """Connect; raises ToolError if there is no broker, or none that answers."""
        broker = self._broker
        try:
            self.client.connect(broker.host, broker.port)
        except ssl.SSLCertVerificationError as error:
            raise ToolError(
                f"the certificate of {broker} isn't accepted: {error.verify_message}",
                "Give its authority with --ca, and use the host name that is in the certificate.",
            ) from error
        except ssl.SSLError as error:
            raise ToolError(
                f"no TLS with {broker}: {words(error)}", "is that port one without TLS? --no-tls"
            ) from error
        except socket.gaierror as error:
            raise ToolError(
                f"there is no host {broker.host!r}: {words(error)}",
                "Correct HOST=, or give the broker's address, such as HOST=192.168.1.10",
            ) from error
        except (OSError, ValueError) as error:
            cure = "; does that port speak TLS? If not, use --no-tls" if broker.context else ""
            raise ToolError(
                f"no broker at {broker}: {words(error)}",
                f"Is it running? If it is elsewhere, name it with HOST={cure}",
            ) from error
        self.client.loop_start()
        if not self._answered.wait(ANSWER_S):
            self.close()
            cure = "try --no-tls" if broker.context else "is it one for TLS (--tls)?"
            raise ToolError(
                f"{broker} doesn't answer as an MQTT broker",
                f"is it another service's port, or {cure}",
            )

    def subscribed(self, timeout: float) -> bool:
        """Wait until the broker has answered the subscription; False if it doesn't in so many s.

        Raises ToolError if it refuses.
        """
        self.check()
        answered = self._subscribed.wait(timeout)
        self.check()
        return answered

    def listen(self) -> None:
        """Connect, and wait until the broker has answered the subscription; raises ToolError."""
        self.open()
        try:
            if not self.subscribed(ANSWER_S):
                raise ToolError("the broker doesn't answer a subscription")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the broker."""
        self.client.disconnect()
        self.client.loop_stop()

    def check(self) -> None:
        """Raise ToolError if the broker has refused."""
        if self.refused:
            raise ToolError(
                f"{self._broker} refused: {self.refused}",
                "give --user and its password, with the right to read",
            )

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, code: Any, _: Any) -> None:
        if code.is_failure:
            self.refused = str(code)
        else:
            self.lost = ""
            client.subscribe([(topic, 1) for topic in self._topics])
        self._answered.set()

    def _on_subscribe(self, client: paho.Client, data: Any, pid: int, codes: Any, _: Any) -> None:
        if any(code.is_failure for code in codes):
            bad = [
                topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure
            ]
            self.refused = f"the subscription to {', '.join(bad)}"
        self._subscribed.set()

    def _on_disconnect(
        self, client: paho.Client, data: Any, flags: Any, code: Any, _: Any
    ) -> None:
        self.lost = f"the connection to {self._broker} is lost; trying again"
