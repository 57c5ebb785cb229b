"""The proof that goes with an opened finding, complete in itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfd.detect.callers import callers
from perfd.detect.calls import calls
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.findings import Tried
from perfd.detect.flame import flame
from perfd.detect.hotspots import hotspots
from perfd.detect.profile_diff import profile_diff
from perfd.detect.profile_gap import gap
from perfd.detect.rows import rows
from perfd.detect.timeline import timeline
from perfd.detect.tracks import tracks
from perfd.model.evidence import Evidence
from perfd.model.exemplar import ERROR, RANDOM, SLOWEST, Exemplar
from perfd.model.finding import Finding, Interval
from perfd.model.histogram import EMPTY, Histogram
from perfd.model.series import STEADY
from perfd.model.window import Window

UNMOVED = "the cost of none moved beyond chance"
SHOWN = {SLOWEST: 2, ERROR: 1, RANDOM: 1}  # exemplars on either side


def evidence(tried: Tried, all_tried: Iterable[Tried], found: Finding) -> Evidence:
    """Everything about the operation of `tried`, and about the service around the deploy."""
    candidate = tried.candidate
    case, sides = candidate.case, candidate.sides
    beside = [t.candidate for t in all_tried if t.candidate.operation == candidate.operation]
    profiles = profile_diff(case, sides)
    moved = hotspots(profiles, case.symbols) if profiles else ()
    before = _exemplars(candidate, case.deploy.previous, sides.span_before)
    after = _exemplars(candidate, case.deploy.version, sides.span_after)
    return Evidence(
        finding_id=found.id,
        rows=rows(candidate, beside),
        histogram_before=_histogram(candidate.before),
        histogram_after=_histogram(candidate.after),
        timeline=timeline(case.requests, candidate.operation),
        hotspots=moved,
        flame=flame(profiles, case.symbols) if profiles else (),
        calls=calls(before, after),
        exemplars_before=_shown(before),
        exemplars_after=_shown(after),
        resources=tracks(case.resources),
        checks=tried.checks,
        rule=None,
        profile_coverage_before=profiles.coverage[0] if profiles else None,
        profile_coverage_after=profiles.coverage[1] if profiles else None,
        profile_note="" if moved else gap(case, sides) or UNMOVED,
        callers=callers(case.neighbours, sides),
    )


def _exemplars(candidate: Candidate, version: str, span: Interval) -> list[Exemplar]:
    """Steady exemplars of the operation in one version, within one side."""
    return [
        exemplar
        for window in candidate.case.exemplars
        if window.series.label.get("version") == version
        and window.series.label.get("phase", STEADY) == STEADY
        and candidate.operation in (ALL_OPERATIONS, window.series.label.get("operation"))
        for exemplar in window.exemplars
        if span[0] <= exemplar.start < span[1]
    ]


def _shown(exemplars: Sequence[Exemplar]) -> tuple[Exemplar, ...]:
    """The few of each reason with the greatest priority, those with a trace first."""
    ranked = sorted(exemplars, key=lambda e: (len(e.spans) < 2, -e.priority, e.trace_id))
    return tuple(
        e
        for reason, most in SHOWN.items()
        for e in [r for r in ranked if r.reason == reason][:most]
    )


def _histogram(windows: Iterable[Window]) -> Histogram:
    merged = EMPTY
    for window in windows:
        merged = merged.merge(window.histogram)
    return merged
