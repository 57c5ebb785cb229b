"""Telemetry of one shop process: spans, on request metrics, and CPU profiles, through the public SDKs.

Where to and how often comes from the standard `OTEL_*` variables, and from `PYROSCOPE_SERVER_ADDRESS` and
`PYROSCOPE_UPLOAD_INTERVAL` (seconds) for profiles, which are off without an address.
"""

from __future__ import annotations

import os
import socket

import pyroscope
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter


class Telemetry:
    """What a process has running to be observed; `close` sends what is left."""

    def __init__(self, service: str, version: str, with_metrics: bool = False) -> None:
        resource = describe(service, version)
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._traces.add_span_processor(BatchSpanProcessor(_span_exporter()))
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


def _uses_grpc() -> bool:
    return os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf") == "grpc"


def _span_exporter() -> SpanExporter:
    if _uses_grpc():
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
        OTLPSpanExporter as OTLPHttpSpanExporter,
    )

    return OTLPHttpSpanExporter()


def _metric_exporter() -> MetricExporter:
    if _uses_grpc():
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
        OTLPMetricExporter as OTLPHttpMetricExporter,
    )

    return OTLPHttpMetricExporter()


def _start_metrics(resource: Resource) -> MeterProvider:
    reader = PeriodicExportingMetricReader(_metric_exporter())
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider


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
            upload_interval=int(os.environ.get("PYROSCOPE_UPLOAD_INTERVAL", "10")),
            gil_only=False,
        )
    )
