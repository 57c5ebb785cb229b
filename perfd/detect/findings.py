"""Candidates and their trails as findings: one that is opened, and what else is worth a line."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from perfd.detect import measures
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.filters.enough_traffic import NAME as TRAFFIC
from perfd.detect.filters.mix_shift import NAME as MIX
from perfd.detect.filters.went_away import NAME as PERSISTENCE
from perfd.detect.wording import bound, change
from perfd.model.finding import REGRESSED, Check, Finding
from perfd.model.series import CPU_TIME, REQUESTS, Series

NOTABLE = 0.01  # p-value below which a change that was not opened is worth a line


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate and what the filters said of it."""

    candidate: Candidate
    checks: tuple[Check, ...]

    @property
    def stands(self) -> bool:
        """Whether no filter stands in the way."""
        return all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """The verdict that stands in the way, or what was found."""
        found = self.candidate.comparison
        if self.stands and found is not None:
            low, high = bound(found, found.low), bound(found, found.high)
            return f"{found.metric} {change(found)} ({low} … {high})"
        return next(c.verdict for c in self.checks if not c.passed)

    @property
    def notable(self) -> bool:
        """Whether a reader would ask why this was not opened."""
        if self.checks[0].name == TRAFFIC and not self.checks[0].passed:
            return self.candidate.metric == measures.LATENCY_P95
        if self.checks[-1].name in (PERSISTENCE, MIX):
            return True
        comparison = self.candidate.comparison
        return comparison is not None and min(comparison.p, 1.0 - comparison.p) < NOTABLE


def representative(tried: list[Tried]) -> Tried | None:
    """What the ticket is about: the operation that lost most time, by p95 where p95 moved too.

    Without a change of latency the errors, and without these the CPU.
    """
    standing = [t for t in tried if t.stands]
    slower = [t for t in standing if t.candidate.metric in _LATENCY]
    if slower:
        worst = max(added_seconds(t.candidate) for t in slower)
        slower = [t for t in slower if added_seconds(t.candidate) == worst]
        return min(slower, key=lambda t: _LATENCY.index(t.candidate.metric))
    return max(standing, key=_weight, default=None)


def added_seconds(candidate: Candidate) -> float:
    """Seconds of latency added to all requests of the operation after the deploy."""
    sums = []
    for side in (candidate.before, candidate.after):
        count = sum(w.histogram.count for w in side)
        sums.append((sum(w.histogram.total for w in side) / max(count, 1), count))
    (before, _), (after, count) = sums
    return (after - before) * count


def finding(tried: Tried, now: float, opened: bool) -> Finding:
    """The record of what was found and decided."""
    candidate, found = tried.candidate, tried.candidate.comparison
    deploy = candidate.case.deploy
    return Finding(
        kind="regression",
        trigger="deploy",
        status=REGRESSED,
        series=_series(candidate),
        service=deploy.service,
        environment=deploy.environment,
        operation=candidate.operation,
        metric=candidate.metric,
        unit=measures.unit(candidate.metric),
        change_at=deploy.at,
        change_ci=(deploy.at - candidate.case.width, deploy.at + candidate.case.width),
        found_at=now,
        before=found.before if found else None,
        after=found.after if found else None,
        effect=found.effect if found else None,
        p_value=found.p if found and math.isfinite(found.p) else None,
        opened=opened,
        reason=tried.reason,
        provisional=candidate.sides.provisional,
        version=deploy.version,
        previous=deploy.previous,
        checks=tried.checks,
        status_class=candidate.status_class,
    )


def part_of(found: Finding, whole: Finding) -> Finding:
    """A change that stands by itself, but belongs to the ticket of another of the same deploy."""
    return replace(found, opened=False, reason=f"part of {whole.id}")


def in_shadow(found: Finding, why: Check) -> Finding:
    """What would have been opened, and why it was not."""
    reason = f"{why.name}: {why.verdict} ({found.reason})"
    return replace(found, opened=False, reason=reason, checks=(*found.checks, why))


_LATENCY = (measures.LATENCY_P95, measures.LATENCY_MEAN)


def _weight(tried: Tried) -> tuple[bool, float]:
    found = tried.candidate.comparison
    return tried.candidate.metric == measures.ERROR_RATE, found.shift if found else 0.0


def _series(candidate: Candidate) -> Series:
    """Without a version: the finding is about what the two versions have in common."""
    deploy = candidate.case.deploy
    labels = {"service": deploy.service, "environment": deploy.environment}
    if candidate.operation == ALL_OPERATIONS:
        return Series.of(CPU_TIME, **labels)
    return Series.of(REQUESTS, **labels, operation=candidate.operation)
