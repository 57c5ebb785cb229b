"""The proof kept with a ticket.

It is complete in itself, so that it outlives the store's retention.
"""

from __future__ import annotations

from dataclasses import dataclass

from perfd.model.exemplar import Exemplar
from perfd.model.finding import Check, Effect, Estimate, Finding, Interval
from perfd.model.histogram import Histogram


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One line of the ticket's table: a metric before and after.

    `mde` is the smallest effect (ratio) that would have been seen.
    """

    metric: str
    unit: str
    before: Estimate
    after: Estimate
    effect: Effect
    significant: bool
    decisive: bool
    mde: float | None = None


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """One window of the operation in one version.

    Latencies in seconds, NaN-free: None where nothing was measured.
    """

    at: float
    width: float
    version: str
    count: int
    errors: int
    mean: float | None
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Track:
    """One resource around the change: `points` are (time, value)."""

    name: str
    unit: str
    subject: str  # a host, a container, or service version instance
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A quantity before and after; `ci` belongs to `delta`."""

    before: float
    after: float
    delta: float
    ci: Interval


@dataclass(frozen=True, slots=True)
class Hotspot:
    """A function whose cost moved.

    `self_share`/`total_share` are shares of all samples, `per_request` CPU seconds of self
    time.
    """

    function: str
    file: str
    line: int
    profile: str
    status: str  # changed, new, vanished
    self_share: Change
    total_share: Change
    per_request: Change
    samples_before: int
    samples_after: int
    application: bool = True


@dataclass(frozen=True, slots=True)
class FlameNode:
    """A node of the differential flame graph. `parent` is an index into the list (-1 for the root).

    `before`/`after` are self CPU seconds per request on each side; totals are sums over the
    subtree.
    """

    parent: int
    function: str
    file: str
    before: float
    after: float
    significant: bool = False


@dataclass(frozen=True, slots=True)
class CallRow:
    """Child spans per sampled request by name: how an N+1 shows itself."""

    name: str
    kind: str
    before: float
    after: float
    before_seconds: float
    after_seconds: float


@dataclass(frozen=True, slots=True)
class CallerRow:
    """An operation of another service that waits longer for this one.

    Its requests took `before` seconds, `seconds` of waiting were added to each.
    """

    service: str
    operation: str
    before: float
    seconds: float
    requests_per_hour: float


@dataclass(frozen=True, slots=True)
class Rule:
    """The pre-registered rule by which a fix is judged.

    Verified when the 95 % interval of `metric` after a later deploy lies inside `low`…`high`,
    over at
    least `min_seconds` and `min_count` requests, and no other operation got worse by `guard` (a
    ratio).
    """

    metric: str
    unit: str
    low: float
    high: float
    min_seconds: float
    min_count: int
    guard: float
    text: str
    status_class: str = ""  # of the requests whose latency is meant; all where empty


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a reader needs to believe a ticket, or not to."""

    finding_id: str
    rows: tuple[MetricRow, ...]
    histogram_before: Histogram
    histogram_after: Histogram
    timeline: tuple[TimelinePoint, ...]
    hotspots: tuple[Hotspot, ...]
    flame: tuple[FlameNode, ...]
    calls: tuple[CallRow, ...]
    exemplars_before: tuple[Exemplar, ...]
    exemplars_after: tuple[Exemplar, ...]
    resources: tuple[Track, ...]
    checks: tuple[Check, ...]
    rule: Rule | None
    profile_coverage_before: float | None = None
    profile_coverage_after: float | None = None
    profile_note: str = ""  # why no function is named
    callers: tuple[CallerRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and its proof; a finding that was not opened may come without."""

    finding: Finding
    evidence: Evidence | None = None
