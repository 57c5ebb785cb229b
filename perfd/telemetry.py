"""perfd's own telemetry: every metric is declared here, once, and kept by the OpenTelemetry SDK.

`/metrics` shows them to Prometheus; with an endpoint set they also leave by OTLP. The SDK is
imported when a Telemetry is made, so that a command that measures nothing does not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from perfd.model.units import Duration

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics.export import MetricReader

Attributes = tuple[tuple[str, str], ...]

COUNTER, HISTOGRAM, GAUGE = "counter", "histogram", "gauge"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Declared(NamedTuple):
    """One metric: Prometheus adds `_total` to a counter's name."""

    kind: str
    description: str


METRICS: Mapping[str, Declared] = {
    "perfd_receiver_offered_items": Declared(COUNTER, "Items that arrived, counted on the wire"),
    "perfd_receiver_accepted_items": Declared(COUNTER, "Items acknowledged: they are durable"),
    "perfd_receiver_refused_items": Declared(COUNTER, "Items refused for now; the sender retries"),
    "perfd_receiver_rejected_items": Declared(COUNTER, "Items rejected for good, by reason"),
    "perfd_receiver_requests": Declared(COUNTER, "Telemetry requests by answer"),
    "perfd_aggregated_items": Declared(COUNTER, "Accepted items that reached a window"),
    "perfd_stored_items": Declared(COUNTER, "Accepted items whose windows are in the store"),
    "perfd_dropped_items": Declared(COUNTER, "Accepted items that were dropped, by reason"),
    "perfd_in_flight_items": Declared(GAUGE, "Accepted items not yet in the store"),
    "perfd_replayed_items": Declared(COUNTER, "Items read back from the request log at the start"),
    "perfd_truncated": Declared(COUNTER, "Values cut to their longest allowed length"),
    "perfd_evicted": Declared(COUNTER, "What bounded buffers had to let go"),
    "perfd_skewed_items": Declared(COUNTER, "Items of a clock ahead, moved back to when they came"),
    "perfd_overflowed_items": Declared(COUNTER, "Items counted in an overflow series"),
    "perfd_store_commits": Declared(COUNTER, "Transactions of the store"),
    "perfd_store_commit_seconds": Declared(HISTOGRAM, "Duration of a store transaction"),
    "perfd_store_corruptions": Declared(COUNTER, "Stored pieces whose checksum did not match"),
    "perfd_store_compactions": Declared(COUNTER, "Hours packed into chunks"),
    "perfd_store_expired": Declared(COUNTER, "Pieces removed by retention"),
    "perfd_store_size_bytes": Declared(GAUGE, "Bytes of the store on disk"),
    "perfd_log_refusals": Declared(COUNTER, "Appends that the request log refused, by reason"),
    "perfd_log_fsync_seconds": Declared(HISTOGRAM, "Duration of a group commit of the log"),
    "perfd_log_size_bytes": Declared(GAUGE, "Bytes of the request log on disk"),
    "perfd_forward_sent_bytes": Declared(COUNTER, "Bytes of bodies that the centre took"),
    "perfd_forward_sent_rows": Declared(COUNTER, "Rows that the centre took, repeated ones too"),
    "perfd_forward_failures": Declared(COUNTER, "Times that the centre could not be told"),
    "perfd_forward_waiting_rows": Declared(GAUGE, "Rows that the centre does not have yet"),
    "perfd_forward_lag_seconds": Declared(GAUGE, "Age of the end of what the centre has"),
    "perfd_absorbed_rows": Declared(COUNTER, "Rows taken from agents, repeated ones too"),
    "perfd_tracker_deliveries": Declared(COUNTER, "Deliveries to trackers by outcome"),
    "perfd_outbox_pending": Declared(GAUGE, "Messages waiting for a tracker"),
    "perfd_outbox_oldest_age_seconds": Declared(GAUGE, "Age of the oldest waiting message"),
    "perfd_tickets": Declared(COUNTER, "Tickets by kind and what happened to them"),
    "perfd_tickets_active": Declared(GAUGE, "Tickets that perfd follows now"),
    "perfd_findings": Declared(COUNTER, "Findings by kind, opened or not"),
    "perfd_wrong_ticket_budget": Declared(
        GAUGE, "Wrong tickets per service and quarter: allowed, spent, left to spend now"
    ),
    "perfd_self_tested_series": Declared(
        COUNTER, "Series that steps were tried on: measured, waiting, or too little"
    ),
    "perfd_deploys_judged": Declared(COUNTER, "Looks at deploys by what came of them"),
    "perfd_scan_evaluations": Declared(COUNTER, "Scans of a service by outcome"),
    "perfd_scan_series": Declared(COUNTER, "Series that scans were asked about, judged or not"),
    "perfd_functions_scanned": Declared(COUNTER, "Functions that scans were asked about"),
    "perfd_scan_cpu_seconds": Declared(COUNTER, "CPU time of scans, reading included"),
    "perfd_trends_judged": Declared(
        COUNTER, "Series looked at for drift, leaks and limits, by what came of it"
    ),
    "perfd_deploys": Declared(COUNTER, "Deploys seen or announced"),
    "perfd_http_requests": Declared(COUNTER, "Requests to pages and API by route and code"),
    "perfd_sample_failures": Declared(COUNTER, "Resources that could not be read, by reason"),
    "perfd_job_runs": Declared(COUNTER, "Runs of perfd's own jobs by outcome"),
    "perfd_job_seconds": Declared(HISTOGRAM, "Duration of perfd's own jobs"),
    "perfd_job_last_success_timestamp_seconds": Declared(GAUGE, "When a job last succeeded"),
    "perfd_config_reloads": Declared(COUNTER, "Reloads of the configuration by outcome"),
    "perfd_config_last_reload_successful": Declared(GAUGE, "1 when the last reload was taken"),
    "perfd_component_ok": Declared(GAUGE, "1 for a component that works"),
    "perfd_start_timestamp_seconds": Declared(GAUGE, "When this daemon started"),
}


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What perfd says about itself."""

    otlp_endpoint: str = ""
    otlp_interval: Duration = 60.0
    self_profile: bool = False
    log_level: str = "info"


class Telemetry:
    """The Meter of interfaces.py over an SDK MeterProvider of its own: nothing is global."""

    def __init__(self, settings: TelemetrySettings, version: str) -> None:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource
        from prometheus_client import CollectorRegistry

        self._registry = CollectorRegistry()
        readers: list[MetricReader] = [
            PrometheusMetricReader(
                disable_target_info=True, scope_info_enabled=False, registry=self._registry
            )
        ]
        if settings.otlp_endpoint:
            readers.append(_otlp_reader(settings))
        self._provider = MeterProvider(
            metric_readers=readers,
            resource=Resource.create({"service.name": "perfd", "service.version": version}),
            shutdown_on_exit=False,
            views=_views(),
        )
        self._gauges: dict[str, dict[Attributes, Callable[[], float]]] = {}
        meter = self._provider.get_meter("perfd", version)
        self._counters = {n: meter.create_counter(n, "", d) for n, d in _of(COUNTER)}
        self._histograms = {n: meter.create_histogram(n, "s", d) for n, d in _of(HISTOGRAM)}
        for name, description in _of(GAUGE):
            reads = self._gauges.setdefault(name, {})
            meter.create_observable_gauge(name, [_reader(reads)], "", description)

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a declared counter."""
        self._counters[name].add(amount, labels)

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Record one value of a declared histogram."""
        self._histograms[name].record(value, labels)

    def gauge(self, name: str, read: Callable[[], float], /, **labels: str) -> None:
        """Publish a declared gauge; a second one with the same labels replaces the first."""
        self._gauges[name][tuple(sorted(labels.items()))] = read

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)

    def close(self) -> None:
        """Send what is left and stop the exporters."""
        self._provider.shutdown(timeout_millis=2_000)


def _of(kind: str) -> Iterator[tuple[str, str]]:
    return ((name, d.description) for name, d in METRICS.items() if d.kind == kind)


def _reader(
    reads: Mapping[Attributes, Callable[[], float]],
) -> Callable[[CallbackOptions], list[Observation]]:
    from opentelemetry.metrics import Observation

    def observe(_: CallbackOptions) -> list[Observation]:
        return [Observation(read(), dict(labels)) for labels, read in list(reads.items())]

    return observe


def _views() -> list[Any]:
    from opentelemetry.sdk.metrics.view import (
        ExplicitBucketHistogramAggregation,
        View,
    )

    buckets = ExplicitBucketHistogramAggregation(_SECONDS)
    return [View(instrument_name=name, aggregation=buckets) for name, _ in _of(HISTOGRAM)]


def _otlp_reader(settings: TelemetrySettings) -> MetricReader:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
        OTLPMetricExporter,
    )
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    endpoint = settings.otlp_endpoint.rstrip("/") + "/v1/metrics"
    return PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=endpoint),
        export_interval_millis=settings.otlp_interval * 1000,
    )
