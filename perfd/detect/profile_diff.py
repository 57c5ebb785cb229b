"""What a deploy changed in the profile, in CPU seconds per request.

The cost of a side is the CPU of its processes per request where they are seen, else that of its
profiles per request over the same time. A function's cost is its share of the samples times that;
so a function whose share fell only because another one rose does not look improved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfd.detect.case import DeployCase
from perfd.detect.profile_side import Paths, ProfileSide, profile_side
from perfd.detect.sides import Sides, belongs
from perfd.model.finding import Interval
from perfd.model.profile import CPU_PROFILE, ProfileWindow
from perfd.model.window import Gauge, Window


@dataclass(frozen=True, slots=True)
class ProfileDiff:
    """Both sides; `costs` are CPU seconds per request, `coverage` profile CPU by process CPU."""

    before: ProfileSide
    after: ProfileSide
    costs: tuple[float, float]
    coverage: tuple[float | None, float | None]


def profile_diff(case: DeployCase, sides: Sides) -> ProfileDiff | None:
    """The CPU profiles of both sides.

    None where a side has none, or no requests beside it, or where they have no sampler in common.
    """
    paths = Paths(case.symbols)
    versions = case.deploy.previous, case.deploy.version
    spans = sides.span_before, sides.span_after
    sampled = [
        cpu_profiles(case, version, span) for version, span in zip(versions, spans, strict=True)
    ]
    before, after = (profile_side(windows, paths) for windows in comparable(*sampled))
    if before is None or after is None:
        return None
    rates = [_rate(case, version, span) for version, span in zip(versions, spans, strict=True)]
    if min(rates) <= 0.0 or min(before.seconds, after.seconds) <= 0.0:
        return None
    profiled = (
        before.cpu / before.seconds / rates[0],
        after.cpu / after.seconds / rates[1],
    )
    spent = _spent(sides.cpu_before, sides.before), _spent(sides.cpu_after, sides.after)
    coverage = tuple(p / s if s else None for p, s in zip(profiled, spent, strict=True))
    costs = spent if all(spent) else profiled
    return ProfileDiff(
        before, after, (costs[0] or 0.0, costs[1] or 0.0), (coverage[0], coverage[1])
    )


def comparable(*sides: Sequence[ProfileWindow]) -> list[list[ProfileWindow]]:
    """What one sampler, or several, took on all sides."""
    common = frozenset.intersection(*(samplers(side) for side in sides))
    return [[w for w in side if w.series.label.get("sampler", "") in common] for side in sides]


def samplers(windows: Iterable[ProfileWindow]) -> frozenset[str]:
    """Who took them; "" for one that does not say."""
    return frozenset(w.series.label.get("sampler", "") for w in windows)


def cpu_profiles(case: DeployCase, version: str, span: Interval) -> list[ProfileWindow]:
    """Steady CPU profiles of a version within a span."""
    return [
        p
        for p in case.profiles
        if belongs(p, version, span) and p.series.label.get("type", "").startswith(CPU_PROFILE)
    ]


def _rate(case: DeployCase, version: str, span: Interval) -> float:
    """Requests per second of one instance: per second that an instance was profiled."""
    windows = [w for w in case.instances if belongs(w, version, span)]
    seconds = sum(w.width for w in windows)
    return sum(w.count for w in windows) / seconds if seconds else 0.0


def _spent(gauges: Sequence[Gauge], operations: dict[str, list[Window]]) -> float | None:
    """CPU seconds of the processes per request; None where no process is seen."""
    requests = sum(w.count for windows in operations.values() for w in windows)
    seconds = sum(g.total for g in gauges)
    return seconds / requests if requests and seconds > 0.0 else None
