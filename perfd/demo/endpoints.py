"""Where the demo's perfd listens: the default ports where they are free, else any that are."""

from __future__ import annotations

import socket
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Ports on loopback."""

    http: int = 4040
    otlp_http: int = 4318
    otlp_grpc: int = 4317

    @property
    def url(self) -> str:
        """Pages, API and profiles."""
        return f"http://{LOOPBACK}:{self.http}"

    def otlp(self, protocol: str) -> str:
        """Where a service that speaks this OTLP protocol sends to."""
        port = self.otlp_grpc if protocol == "grpc" else self.otlp_http
        return f"http://{LOOPBACK}:{port}"


def choose_endpoints(wanted: Endpoints | None = None) -> Endpoints:
    """Each wanted port if nobody has it, else a free one."""
    wanted = wanted or Endpoints()
    return Endpoints(
        http=_free(wanted.http),
        otlp_http=_free(wanted.otlp_http),
        otlp_grpc=_free(wanted.otlp_grpc),
    )


def _free(port: int) -> int:
    for candidate in (port, 0):
        with socket.socket() as probe:
            # As servers do, so that a port that merely lingers counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")
