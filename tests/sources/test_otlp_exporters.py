"""The exporters that users have, against the receivers, over loopback."""

import asyncio

import pytest
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from perfd.errors import BadInput, Overloaded
from perfd.sources.otlp_grpc import OtlpGrpc
from perfd.sources.otlp_http import OtlpHttp
from tests.sources.rig import Rig

RECEIVERS = {"http": OtlpHttp, "grpc": OtlpGrpc}
MODULES = {
    "http": {"traces": http_traces, "metrics": http_metrics, "logs": http_logs},
    "grpc": {"traces": grpc_traces, "metrics": grpc_metrics, "logs": grpc_logs},
}
NAMES = {"traces": "OTLPSpanExporter", "metrics": "OTLPMetricExporter", "logs": "OTLPLogExporter"}


def exporter(rig, transport, signal, **options):
    kind = getattr(MODULES[transport][signal], NAMES[signal])
    if transport == "http":
        options |= {"endpoint": f"http://{rig.address}/v1/{signal}", "timeout": 5}
        return kind(compression=Compression.Gzip, **options)
    return kind(endpoint=f"http://{rig.address}", timeout=5, **options)


def send_spans(to, count=10):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(to))
    for n in range(count):
        with provider.get_tracer("test").start_as_current_span(f"span {n}"):
            pass
    provider.shutdown()


def send_points(to, count=10):
    reader = PeriodicExportingMetricReader(to, export_interval_millis=1e9)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("test").create_counter("requests")
    for n in range(count):
        counter.add(1, {"n": n})
    provider.shutdown()


def send_records(to, count=10):
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(to))
    for n in range(count):
        provider.get_logger("test").emit(body=f"line {n}")
    provider.shutdown()


SEND = {"traces": send_spans, "metrics": send_points, "logs": send_records}


@pytest.mark.parametrize("signal", SEND)
@pytest.mark.parametrize("transport", RECEIVERS)
async def test_everything_that_an_exporter_sends_arrives(transport, signal):
    async with Rig(RECEIVERS[transport]) as rig:
        await asyncio.to_thread(SEND[signal], exporter(rig, transport, signal))
        assert rig.intake.items == 10
        assert rig.count("accepted", signal=signal, transport=transport) == 10
        rig.check_identity()


def spans():
    """Finished spans, as an exporter gets them."""
    memory = InMemorySpanExporter()
    send_spans(memory, 1)
    return memory.get_finished_spans()


async def test_a_grpc_exporter_comes_back_after_the_time_it_was_told():
    async with Rig(OtlpGrpc) as rig:
        rig.intake.raises = [Overloaded("full", retry_after=0.05)] * 2
        to = exporter(rig, "grpc", "traces")
        assert await asyncio.to_thread(to.export, spans()) is SpanExportResult.SUCCESS
        assert (rig.count("refused"), rig.count("accepted")) == (2, 1)
        rig.check_identity()
        to.shutdown()


@pytest.mark.slow  # Retry-After is in whole seconds
async def test_an_http_exporter_comes_back_after_the_time_it_was_told():
    async with Rig(OtlpHttp) as rig:
        rig.intake.raises = [Overloaded("full", retry_after=1.0)]
        to = exporter(rig, "http", "traces")
        assert await asyncio.to_thread(to.export, spans()) is SpanExportResult.SUCCESS
        assert (rig.count("refused"), rig.count("accepted")) == (1, 1)
        rig.check_identity()
        to.shutdown()


@pytest.mark.parametrize("transport", RECEIVERS)
async def test_an_exporter_does_not_come_back_with_what_is_bad(transport):
    async with Rig(RECEIVERS[transport]) as rig:
        rig.intake.raises = [BadInput("no")]
        to = exporter(rig, transport, "traces")
        assert await asyncio.to_thread(to.export, spans()) is SpanExportResult.FAILURE
        assert (rig.count("offered"), rig.count("rejected")) == (1, 1)
        to.shutdown()
