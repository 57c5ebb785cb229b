"""What a rise must be besides real, for a ticket: large enough, and of a series known for long."""

from __future__ import annotations

import numpy as np

from perfd.detect import measures
from perfd.detect.filters.shadow import NAME as SHADOW
from perfd.detect.filters.shadow import hidden
from perfd.detect.scan.findings import Moved
from perfd.detect.settings import DetectSettings
from perfd.model.finding import Check

FLOOR = "ticket floor"
NEARLY = 0.95  # resources are kept for a week, of which the first hour is never whole
HOURS = 3600.0


def large(moved: Moved, settings: DetectSettings) -> Check:
    """The floors of deploys: what is below them may be seen, and is nobody's task."""
    step, metric = moved.seen.step, moved.subject.metric
    added = step.after - step.before
    if metric == measures.ERROR_RATE:
        floor, shown = settings.error_floor, f"{100.0 * added:+.2f} points"
        passed = added >= floor
    else:
        floor, change = settings.floor, added / step.before
        passed = change >= floor and (moved.subject.unit != "s" or added >= settings.floor_seconds)
        shown = f"{100.0 * change:+.1f} %"
    verdict = f"{shown}; a ticket is opened from {100.0 * floor:g} % on"
    return Check(FLOOR, passed, verdict, {"added": added, "floor": floor})


def shadowed(moved: Moved, settings: DetectSettings, pace: float) -> Check | None:
    """Why no ticket is opened of what stands; None where it may be."""
    why = _why(moved, settings, pace)
    return Check(SHADOW, False, f"would have opened a ticket: {why}") if why else None


def _why(moved: Moved, settings: DetectSettings, pace: float) -> str:
    if told := hidden(moved.subject.service, settings):
        return told
    needed = settings.scan.maturity
    seen = known_for(moved) * pace
    if seen >= NEARLY * needed:
        return ""
    have, want = (f"{length / HOURS / 24.0:.1f}" for length in (seen, needed))
    return f"the series was seen for {have} days, and is judged after {want} (detect.scan.maturity)"


def known_for(moved: Moved) -> float:
    """Seconds since the first cell of the series that says something."""
    told = np.flatnonzero(np.isfinite(moved.table.first[moved.seen.series, : moved.seen.end]))
    return (moved.seen.end - int(told[0])) * moved.table.width if len(told) else 0.0
