"""Why two versions' profiles cannot be compared: a ticket without functions says so."""

from __future__ import annotations

from collections.abc import Iterable

from perfd.detect.case import DeployCase
from perfd.detect.profile_diff import comparable, cpu_profiles, samplers
from perfd.detect.sides import Sides
from perfd.model.profile import ProfileWindow


def gap(case: DeployCase, sides: Sides) -> str:
    """What is missing for the comparison; empty where nothing is."""
    versions = case.deploy.previous or "the old version", case.deploy.version
    before = _taken(cpu_profiles(case, case.deploy.previous, sides.span_before))
    after = _taken(cpu_profiles(case, case.deploy.version, sides.span_after))
    if not before and not after:
        return f"no CPU profile of either version{_others(case.profiles)}"
    for version, windows in zip(versions, (before, after), strict=True):
        if not windows:
            return f"no CPU profile of {version}{_others(_of(case, version))}"
    if not all(comparable(before, after)):
        took = f"{_names(before)} took those of {versions[0]}, {_names(after)} those of"
        return f"the profiles are of different samplers: {took} {versions[1]}"
    return ""


def _taken(windows: Iterable[ProfileWindow]) -> list[ProfileWindow]:
    """Those with samples; a profiler that sees nothing uploads empty ones."""
    return [w for w in windows if w.weights]


def _of(case: DeployCase, version: str) -> list[ProfileWindow]:
    return [w for w in case.profiles if w.series.label.get("version") == version]


def _others(windows: Iterable[ProfileWindow]) -> str:
    """What was profiled instead: wall time and CPU time are not the same question."""
    types = sorted({w.series.label.get("type", "").partition(":")[0] for w in windows} - {""})
    return f", only of {', '.join(types)}" if types else ""


def _names(windows: Iterable[ProfileWindow]) -> str:
    return " and ".join(name or "an unnamed one" for name in sorted(samplers(windows)))
