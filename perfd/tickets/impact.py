"""What a change costs, from what was measured; nothing is assumed."""

from __future__ import annotations

from perfd.model.evidence import Evidence, Found
from perfd.model.finding import Estimate
from perfd.model.ticket import CallerImpact, Impact

HOUR = 3600.0
CPU = "cpu_per_request"
NOT_OF_REQUESTS = ("share", "memory")  # whose counts say nothing of how many are hit


def impact(found: Found, service_requests: int | None) -> Impact | None:
    """The impact at the rate of the after side; `service_requests` is what the service had then."""
    after = found.finding.after
    if after is None or after.end <= after.start or found.finding.metric in NOT_OF_REQUESTS:
        return None
    share = min(1.0, after.count / service_requests) if service_requests else None
    waiting = _waiting(found.evidence)
    return Impact(
        _hourly(after),
        share,
        None if waiting is None else waiting * _hourly(after),
        _cpu(found.evidence),
        _callers(found.evidence),
    )


def _waiting(evidence: Evidence | None) -> float | None:
    """Seconds added to a request: the difference of arithmetic means, which add up to totals.

    (`latency.mean` is the mean of logarithms, good for tests and no good for sums.)
    """
    if evidence is None:
        return None
    before, after = evidence.histogram_before, evidence.histogram_after
    return after.mean - before.mean if before.count and after.count else None


def _cpu(evidence: Evidence | None) -> float | None:
    """CPU seconds added an hour, when CPU per request moved at all."""
    rows = evidence.rows if evidence else ()
    row = next((r for r in rows if r.metric == CPU and r.significant), None)
    return None if row is None else (row.after.value - row.before.value) * _hourly(row.after)


def _callers(evidence: Evidence | None) -> tuple[CallerImpact, ...]:
    """Who waits for it, the hardest hit first."""
    return tuple(
        CallerImpact(c.service, c.operation, c.seconds, c.seconds * c.requests_per_hour)
        for c in (evidence.callers if evidence else ())
    )


def _hourly(side: Estimate) -> float:
    return side.count / (side.end - side.start) * HOUR if side.end > side.start else 0.0
