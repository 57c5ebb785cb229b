"""Telemetry of one shop process: spans, CPU profiles and, if wanted, metrics, by the public SDKs.

Where to and how often comes from the standard `OTEL_*` variables, and for profiles from
`PYROSCOPE_SERVER_ADDRESS` (none, no profiles), `PYROSCOPE_HTTP_HEADERS` and
`PYROSCOPE_UPLOAD_INTERVAL` in seconds.
"""

from __future__ import annotations

import os
import socket
from importlib.metadata import entry_points
from typing import Any

import pyroscope
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


class Telemetry:
    """What a process has running to be observed; `close` sends what is left."""

    def __init__(self, service: str, version: str, with_metrics: bool = False) -> None:
        resource = describe(service, version)
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._traces.add_span_processor(BatchSpanProcessor(_exporter("traces")))
        trace.set_tracer_provider(self._traces)
        self._metrics = _start_metrics(resource) if with_metrics else None
        self._profiled = _start_profiles(resource)

    def close(self) -> None:
        """Flush and stop; the last profile is short and leaves here."""
        if self._profiled:
            pyroscope.shutdown()
        self._traces.shutdown()
        if self._metrics is not None:
            self._metrics.shutdown()


def describe(service: str, version: str) -> Resource:
    """Who is speaking; `OTEL_RESOURCE_ATTRIBUTES` adds to it, for instance the environment."""
    host = socket.gethostname()
    return Resource.create(
        {
            "service.name": service,
            "service.version": version,
            "service.instance.id": f"{service}-{os.getpid()}",
            "process.pid": os.getpid(),
            "host.name": host,
        }
    )


def _exporter(signal: str) -> Any:
    """The exporter that `OTEL_EXPORTER_OTLP_PROTOCOL` names, as the SDK's own launcher finds it."""
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf").partition("/")[0]
    (exporter,) = entry_points(
        group=f"opentelemetry_{signal}_exporter", name=f"otlp_proto_{protocol}"
    )
    return exporter.load()()


def _start_metrics(resource: Resource) -> MeterProvider:
    reader = PeriodicExportingMetricReader(_exporter("metrics"))
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider


def _profile_headers() -> dict[str, str]:
    """`PYROSCOPE_HTTP_HEADERS`: name=value, with commas between; pyroscope-io reads none."""
    pairs = os.environ.get("PYROSCOPE_HTTP_HEADERS", "").split(",")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _start_profiles(resource: Resource) -> bool:
    address = os.environ.get("PYROSCOPE_SERVER_ADDRESS")
    if not address:
        return False
    tags = ("service.version", "service.instance.id", "deployment.environment.name")
    return bool(
        pyroscope.configure(
            application_name=str(resource.attributes["service.name"]),
            server_address=address,
            tags={key: str(resource.attributes.get(key, "")) for key in tags},
            http_headers=_profile_headers(),
            upload_interval=int(os.environ.get("PYROSCOPE_UPLOAD_INTERVAL", "10")),
            # Sampling only who holds the GIL would miss half the CPU of a service that does I/O.
            gil_only=False,
        )
    )
