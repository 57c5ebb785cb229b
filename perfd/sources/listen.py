"""An address to listen on, and the TLS it speaks."""

from __future__ import annotations

import ssl
from typing import Any

from perfd.sources.settings import TlsSettings

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def split_address(address: str) -> tuple[str | None, int]:
    """`127.0.0.1:4318`, `[::1]:4318` or `:4318` (every interface: None) as host and port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]") or None, int(port)


def join_address(name: Any) -> str:
    """What `socket.getsockname()` says, as host:port."""
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tls_context(tls: TlsSettings) -> ssl.SSLContext | None:
    """A server's TLS, None without a certificate. Raises OSError for files that cannot be used."""
    if not tls.cert_file:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.load_cert_chain(tls.cert_file, tls.key_file)
    if tls.client_ca_file:
        context.load_verify_locations(tls.client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
