"""What a computer sees in the certificates of a config, and a board only in the handshake."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509


def warnings(files: dict[str, Path]) -> list[str]:
    """What is wrong with certificates that a board could load.

    files: by their key in the config, ca, cert and key, such as it has
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
    except ImportError:  # a set-up of no more than a target needs may be without it
        return []
    content = {key: path.read_bytes() for key, path in files.items()}
    names = {key: path.name for key, path in files.items()}
    chains: dict[str, list[x509.Certificate]] = {}
    try:
        for key in {"ca", "cert"} & {*content}:
            pem = b"-----BEGIN" in content[key]
            load = x509.load_pem_x509_certificates if pem else _one
            chains[key] = load(content[key])
        found = [
            f"mqtt.{key}: {names[key]} {fault}"
            for key, chain in sorted(chains.items())
            for each in chain
            if (fault := _dates(each.not_valid_before_utc, each.not_valid_after_utc))
        ]
        if "key" in content and "cert" in chains:
            pem = b"-----BEGIN" in content["key"]
            read = (
                serialization.load_pem_private_key if pem else serialization.load_der_private_key
            )
            if read(content["key"], None).public_key() != chains["cert"][0].public_key():
                found.append(
                    f"mqtt.key: {names['key']} is not the key of {names['cert']}. Use the one "
                    "that was made with it."
                )
    except (TypeError, ValueError):  # what a board's TLS reads and this library does not
        return []
    return found


def _one(data: bytes) -> list[x509.Certificate]:
    from cryptography import x509

    return [x509.load_der_x509_certificate(data)]


def _dates(start: datetime, end: datetime) -> str:
    """What is wrong with the dates of a certificate; empty if it is valid now."""
    now = datetime.now(UTC)
    if end < now:
        return f"expired on {end:%Y-%m-%d}. Get a new one."
    return f"is not valid before {start:%Y-%m-%d}." if start > now else ""
