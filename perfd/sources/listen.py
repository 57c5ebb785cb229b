"""An address to listen on."""

from __future__ import annotations

from typing import Any


def split_address(address: str) -> tuple[str | None, int]:
    """`127.0.0.1:4318`, `[::1]:4318` or `:4318` (every interface: None) as host and port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]") or None, int(port)


def join_address(name: Any) -> str:
    """What `socket.getsockname()` says, as host:port."""
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
