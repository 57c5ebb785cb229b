"""What a change costs, from what was measured; nothing is assumed."""

from __future__ import annotations

from perfd.model.evidence import Evidence, Found
from perfd.model.finding import Estimate
from perfd.model.ticket import Impact

HOUR = 3600.0
TIME = frozenset({"latency.mean", "latency.p50"})  # a tail's shift is not the time added to all


def impact(found: Found, service_requests: int | None) -> Impact | None:
    """The impact at the rate of the after side; `service_requests` is what the service had then."""
    after = found.finding.after
    if after is None or after.end <= after.start:
        return None
    rate = after.count / (after.end - after.start) * HOUR
    share = min(1.0, after.count / service_requests) if service_requests else None
    return Impact(
        rate,
        share,
        _added(found.evidence, TIME, rate),
        _added(found.evidence, frozenset({"cpu_per_request"}), rate),
    )


def _added(evidence: Evidence | None, metrics: frozenset[str], rate: float) -> float | None:
    """Extra seconds per hour by the first significant row of these metrics."""
    rows = evidence.rows if evidence else ()
    row = next((r for r in rows if r.metric in metrics and r.significant), None)
    return _difference(row.before, row.after) * rate if row else None


def _difference(before: Estimate, after: Estimate) -> float:
    return after.value - before.value
