"""What the scan saw of a series as a finding: what moved, when, by how much, and how sure it is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from perfd.detect import measures
from perfd.detect.scan.least import least_step
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.table import RATE, Subject, Table
from perfd.detect.scan.track import Seen
from perfd.detect.tails import NORMAL_95
from perfd.model.finding import CONFIRMED, Check, Effect, Estimate, Finding, Interval
from perfd.model.times import to_rfc3339

KIND = "regression"
TRIGGER = "scan"
CONFIRMATION = "confirmation"
PREFERRED = (
    measures.LATENCY_P95,
    measures.LATENCY_MEAN,
    measures.LATENCY_P50,
    measures.LATENCY_P99,
    measures.ERROR_RATE,
    measures.CPU,
    "memory",
)
WINDOW = ScanSettings().window  # cells


class Moved(NamedTuple):
    """A row of a table, and what one evaluation says of it."""

    table: Table
    seen: Seen

    @property
    def subject(self) -> Subject:
        """What moved."""
        return self.table.subjects[self.seen.series]

    @property
    def rises(self) -> bool:
        """Every metric of the scan is worse when it is more."""
        return self.seen.step.shift > 0.0

    @property
    def at(self) -> float:
        """When the new level began."""
        return self.time(self.seen.step.at)

    @property
    def ci(self) -> Interval:
        """When it may have begun: no more exactly than a cell is wide."""
        low, high = self.seen.step.at_ci
        return self.time(low) - self.table.width, self.time(high) + self.table.width

    def time(self, cell: int) -> float:
        """When a cell begins."""
        return self.table.start + cell * self.table.width


def finding(moved: Moved, now: float, reason: str, checks: tuple[Check, ...] = ()) -> Finding:
    """Not opened, for a reason; `checks` come after those of the step itself."""
    subject, seen = moved.subject, moved.seen
    before, after = _sides(moved)
    return Finding(
        kind=KIND,
        trigger=TRIGGER,
        status=seen.status,
        series=subject.series,
        service=subject.service,
        environment=subject.environment,
        operation=subject.operation,
        metric=subject.metric,
        unit=subject.unit,
        change_at=moved.at,
        change_ci=moved.ci,
        found_at=now,
        before=before,
        after=after,
        effect=_effect(moved),
        p_value=seen.step.p,
        opened=False,
        reason=reason,
        checks=(*seen.step.checks, *confirmation(moved), *checks),
        first_at=moved.time(seen.first.at),
    )


def confirmation(moved: Moved) -> tuple[Check, ...]:
    """The check that a change was found by several evaluations in a row."""
    seen = moved.seen
    if seen.status != CONFIRMED:
        return ()
    least = _least(moved)
    verdict = (
        f"found by {seen.times} evaluations in a row, first at {_day(moved)}; "
        f"a change of {100.0 * least:.2g} % would have been seen within a day"
    )
    inputs: dict[str, float | int | str] = {
        "times": seen.times,
        "p": seen.step.p,
        "least": least,
    }
    return (Check(CONFIRMATION, True, verdict, inputs),)


def _least(moved: Moved) -> float:
    """The smallest relative change that the noise of the series would have shown in a day."""
    seen = moved.seen
    known = moved.table.first[seen.series, max(seen.end - WINDOW, 0) : seen.end]
    shift = least_step(seen.step.noise, int(np.isfinite(known).sum()), ScanSettings())
    return shift if moved.subject.kind == RATE else math.expm1(shift)


def described(moved: Moved) -> str:
    """`latency.p95 of GET /quote +38 % since 2026-05-24T14:00Z`."""
    subject, step = moved.subject, moved.seen.step
    name = f"{subject.metric} of {subject.operation}" if subject.operation else subject.metric
    change = f"{100.0 * (step.after / step.before - 1.0):+.1f} %" if step.before > 0.0 else "new"
    return f"{name} {change} since {to_rfc3339(moved.at)[:16]}Z"


def _day(moved: Moved) -> str:
    return f"{to_rfc3339(moved.time(moved.seen.first.at))[:16]}Z"


def _effect(moved: Moved) -> Effect:
    step = moved.seen.step
    ratio = step.after / step.before if step.before > 0.0 else None
    low, high = (float(math.exp(min(bound, 700.0))) for bound in step.ci)
    return Effect(ratio, None if ratio is None else (low, high), step.after - step.before)


def _sides(moved: Moved) -> tuple[Estimate, Estimate]:
    """Levels of the cells before and after, with the noise of the series as it runs long."""
    step, seen = moved.seen.step, moved.seen
    first = max(seen.end - WINDOW, 0)
    return (
        _side(moved, step.before, first, step.at),
        _side(moved, step.after, step.at, seen.end),
    )


def _side(moved: Moved, value: float, first: int, stop: int) -> Estimate:
    table, row = moved.table, moved.seen.series
    told = np.flatnonzero(np.isfinite(table.first[row, first:stop])) + first
    count = table.second[row, told].sum() if len(told) else 0.0
    reach = NORMAL_95 * moved.seen.step.noise / math.sqrt(max(len(told), 1))
    start = moved.time(int(told[0])) if len(told) else moved.time(first)
    ci = _around(value, reach, moved.subject.kind)
    return Estimate(value, ci, int(count), start, moved.time(stop), "")


def _around(value: float, reach: float, kind: str) -> Interval:
    """Of a rate the noise is relative to its mean; of others it is that of the logarithm."""
    if kind == RATE:
        return max(value * (1.0 - reach), 0.0), min(value * (1.0 + reach), 1.0)
    return value * math.exp(-reach), value * math.exp(reach)


def ranked(moves: Sequence[Moved]) -> list[Moved]:
    """What a ticket may be about, best first: the operation that lost most time, by its p95.

    Without a change of latency the errors, then the CPU, then the memory.
    """
    lost: defaultdict[str, float] = defaultdict(float)
    for moved in moves:
        lost[moved.subject.operation] = max(lost[moved.subject.operation], _added(moved))
    return sorted(
        moves, key=lambda m: (_rank(m), -lost[m.subject.operation], PREFERRED.index(_metric(m)))
    )


def _rank(moved: Moved) -> int:
    return 0 if _metric(moved).startswith("latency.") else 1


def _metric(moved: Moved) -> str:
    name = moved.subject.metric
    return name if name in PREFERRED else PREFERRED[-1]


def _added(moved: Moved) -> float:
    """By all requests since; in seconds where the metric is."""
    step, row = moved.seen.step, moved.table.second[moved.seen.series]
    return (step.after - step.before) * float(np.nansum(row[step.at : moved.seen.end]))
