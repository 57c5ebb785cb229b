"""The proof that goes with an opened finding, complete in itself."""

from __future__ import annotations

from collections.abc import Iterable

from perfd.detect.findings import Tried
from perfd.detect.rows import rows
from perfd.detect.timeline import timeline
from perfd.model.evidence import Evidence
from perfd.model.finding import Finding
from perfd.model.histogram import EMPTY, Histogram
from perfd.model.window import Window


def evidence(tried: Tried, all_tried: Iterable[Tried], found: Finding) -> Evidence:
    """Everything about the operation of `tried`, and about the service around the deploy."""
    candidate = tried.candidate
    case = candidate.case
    beside = [t.candidate for t in all_tried if t.candidate.operation == candidate.operation]
    return Evidence(
        finding_id=found.id,
        rows=rows(candidate, beside),
        histogram_before=_histogram(candidate.before),
        histogram_after=_histogram(candidate.after),
        timeline=timeline(case.requests, candidate.operation),
        hotspots=(),
        flame=(),
        calls=(),
        exemplars_before=(),
        exemplars_after=(),
        resources=(),
        checks=tried.checks,
        rule=None,
    )


def _histogram(windows: Iterable[Window]) -> Histogram:
    merged = EMPTY
    for window in windows:
        merged = merged.merge(window.histogram)
    return merged
