"""The ticket's table: every metric of the operation before and after."""

from __future__ import annotations

from collections.abc import Sequence

from perfd.detect import measures
from perfd.detect.candidate import Candidate
from perfd.detect.estimate import Comparison, compare
from perfd.detect.status_classes import ALL
from perfd.model.evidence import MetricRow
from perfd.model.finding import Effect, Estimate
from perfd.model.window import Window

METRICS = (
    measures.LATENCY_P50,
    measures.LATENCY_P95,
    measures.LATENCY_MEAN,
    measures.CPU,
    measures.ERROR_RATE,
)
NOMINAL = 0.001  # for rows that decide nothing
THROUGHPUT = "throughput"


def rows(candidate: Candidate, decided: Sequence[Candidate]) -> tuple[MetricRow, ...]:
    """One row per metric; the deciding one as it was decided, with the budget over all tests."""
    known = {c.metric: c for c in decided}
    whole = next((c for c in decided if c.status_class == ALL), candidate)
    found = []
    for metric in METRICS:
        held = known.get(metric)
        other = whole if metric == measures.CPU else candidate
        comparison = held.comparison if held else _compare(other, metric)
        if comparison is not None:
            significant = held.significant if held else _significant(comparison)
            found.append(_row(comparison, significant, metric == candidate.metric))
    return (*found, _throughput(whole))


def _compare(candidate: Candidate, metric: str) -> Comparison | None:
    return compare(
        metric,
        candidate.before,
        candidate.after,
        candidate.cpu_before,
        candidate.cpu_after,
        alpha=NOMINAL,
    )


def _significant(comparison: Comparison) -> bool:
    return min(comparison.p, 1.0 - comparison.p) < NOMINAL


def _row(comparison: Comparison, significant: bool, decisive: bool) -> MetricRow:
    return MetricRow(
        comparison.metric,
        comparison.unit,
        comparison.before,
        comparison.after,
        comparison.effect,
        significant,
        decisive,
        comparison.mde,
    )


def _throughput(candidate: Candidate) -> MetricRow:
    """Requests per second of both versions; never a regression by itself."""
    before, after = _rate(candidate.before), _rate(candidate.after)
    ratio = after.value / before.value if before.value else None
    effect = Effect(ratio, None, after.value - before.value)
    return MetricRow(THROUGHPUT, "1/s", before, after, effect, False, False)


def _rate(windows: Sequence[Window]) -> Estimate:
    """With Poisson's interval, as a normal law: sides have hundreds of requests."""
    start = min(w.start for w in windows)
    end = max(w.start + w.width for w in windows)
    count = sum(w.count for w in windows)
    reach = 1.96 * count**0.5
    version = windows[-1].series.label.get("version", "")
    rate, low, high = (max(n, 0.0) / (end - start) for n in (count, count - reach, count + reach))
    return Estimate(rate, (low, high), count, start, end, version)
