"""Certificates for tests, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.packages import require_package


def made(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, which is also its own authority, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = (
        require_package("openssl"), "req", "-x509", "-newkey", "ec",
        "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=perfd",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert),
    )  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return cert, key
