"""Settings of aggregation: what it may hold at most."""

from __future__ import annotations

import msgspec

from perfd.model.units import Duration, Size


class TraceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The traces that are put together behind exemplars."""

    enabled: bool = True
    max_traces: int = 2_000  # open at the same time
    max_size: Size = 20 * 1024 * 1024  # of their spans, estimated
    max_spans: int = 50  # of one trace
    wait: Duration = 15.0  # how long spans of a trace may come after its first one


class CallSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The requests that are put together with their calls, to tell own time from waiting."""

    enabled: bool = True
    spans_per_second: float = 20.0  # of one service; beyond it a fair part of its traces is taken
    max_spans: int = 20_000  # open at the same time, of all services; about 0.7 KiB each


class AggregateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds on what senders can make perfd remember.

    What goes beyond is counted in series named `_other`, so that totals stay right.
    """

    max_services: int = 100
    max_versions_per_service: int = 50  # pairs of version and environment
    max_series_per_service: int = 500  # operations, instances, gauges: of each kind and version
    max_series: int = 20_000  # of all services together
    max_instances: int = 10_000  # whose warm-up is followed
    max_open_windows: int = 50_000  # base windows that were not written yet
    series_idle: Duration = 3600.0  # a series that was not seen for so long gives its place away
    traces: TraceSettings = TraceSettings()
    calls: CallSettings = CallSettings()
