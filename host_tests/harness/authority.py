"""A certificate authority of a test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Authority:
    """A certificate authority and files of what it signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.file)

    def issue(
        self, name: str, start: datetime = NOW - DAY, end: datetime = NOW + DAY
    ) -> tuple[Path, Path]:
        """Sign a certificate; returns the files of certificate and key."""
        issued = self.ca.issue_cert(name, common_name=name, not_before=start, not_after=end)
        cert = self.folder / f"{name}-{len(list(self.folder.iterdir()))}.pem"
        key = cert.with_suffix(".key")
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        return cert, key

    def settings(self, name: str = "127.0.0.1") -> tuple[str, ...]:
        """Lines for mosquitto.conf, with which a broker speaks TLS under that name."""
        cert, key = self.issue(name)
        return f"certfile {cert}", f"keyfile {key}", f"cafile {self.file}"
