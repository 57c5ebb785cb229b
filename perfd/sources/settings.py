"""Settings of the OTLP receivers, by the OpenTelemetry Collector's names where it has them.

Addresses are in `listen`, tokens in `auth`.
"""

from __future__ import annotations

import msgspec

from perfd.model.units import Duration, Size
from perfd.tls.settings import TlsSettings

BYTES_PER_ITEM = 180  # in memory: a parsed span without its bytes, measured with upb


class OtlpHttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """OTLP over HTTP. The timeouts are what a slow or silent sender may take."""

    max_connections: int = 512
    idle_timeout: Duration = 60.0  # from one request to the next one's last header
    read_timeout: Duration = 30.0  # for a body
    tls: TlsSettings = TlsSettings()


class KeepaliveParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When the gRPC server looks after a silent connection, and when it ends one (0: never)."""

    time: Duration = 60.0
    timeout: Duration = 20.0
    max_connection_idle: Duration = 600.0
    max_connection_age: Duration = 0.0
    max_connection_age_grace: Duration = 0.0


class KeepalivePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often clients may ping. gRPC's own five minutes cut off many a shipped configuration."""

    min_time: Duration = 10.0
    permit_without_stream: bool = True


class Keepalive(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keepalive of the gRPC server."""

    server_parameters: KeepaliveParameters = KeepaliveParameters()
    enforcement_policy: KeepalivePolicy = KeepalivePolicy()


class OtlpGrpcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """OTLP over gRPC. `read_timeout` is for one message to arrive."""

    read_timeout: Duration = 30.0
    max_concurrent_streams: int = 128  # per connection
    keepalive: Keepalive = Keepalive()
    tls: TlsSettings = TlsSettings()

    def __post_init__(self) -> None:
        if self.tls.min_version != "1.2":
            raise ValueError("tls.min_version: gRPC negotiates 1.2 or newer and cannot be raised")


class OtlpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the OTLP receivers take.

    `max_request_body_size` bounds a body as sent and again as inflated. `max_in_flight_*` are for
    all requests of all receivers together: beyond them senders are asked to retry.
    """

    max_request_body_size: Size = 16 * 1024 * 1024
    max_items: int = 100_000  # spans, data points or log records in one request
    max_in_flight_size: Size = 64 * 1024 * 1024
    max_in_flight_requests: int = 1024
    drain_timeout: Duration = 5.0  # for requests under way when perfd stops
    http: OtlpHttpSettings = OtlpHttpSettings()
    grpc: OtlpGrpcSettings = OtlpGrpcSettings()

    def __post_init__(self) -> None:
        largest = 2 * self.max_request_body_size + BYTES_PER_ITEM * self.max_items
        if self.max_in_flight_size < largest:
            raise ValueError(
                "max_in_flight_size: one request of max_request_body_size and max_items may need"
                f" {largest} bytes and would be refused for ever"
            )
