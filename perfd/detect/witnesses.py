"""Who bears out that a callee got worse: the callee itself, or the old version beside the new.

A caller says that its calls take longer. That may be the callee, or the caller: other parameters
for the same query, a pool of connections that is too small, a busy event loop. A callee that is
watched must have become slower itself, by half of what its callers wait longer. Of one that is not
watched the old version tells, as long as it runs beside the new one: to both it must be slower.
Without a witness the callee is believed to be slower, since the calls are the same as before.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perfd.detect.columns import Array
from perfd.detect.edges import Read, Side, Tally, Target, read
from perfd.detect.neighbours import Neighbours
from perfd.model.window import Window

SHOWN = 0.5  # of what its caller says
FEWEST_CALLS = 100  # of the old version beside as many of the new one
DEVIATIONS = 2.33
VARIATION = 1.5  # sd of one call's seconds, of their mean: windows hold no squares


@dataclass(frozen=True, slots=True)
class Blame:
    """What calls to one target add to a request, beyond what the caller's own doing explains."""

    peer: str
    call: str
    before: Tally
    after: Tally
    dearer: float  # seconds: the same calls, each slower
    retried: float  # seconds: retries beyond the usual
    errors: float

    @property
    def seconds(self) -> float:
        """All that is added."""
        return self.dearer + self.retried


class Matter(NamedTuple):
    """What is asked about, time or failures.

    `claim` is what the caller says per request, `level` what one call takes and `sums` that of the
    calls in each window, `sd` how much calls of a mean differ, and `added` what the requests of a
    callee took more in all.
    """

    claim: Callable[[Blame], float]
    level: Callable[[Tally], float]
    sums: Callable[[Read], Mapping[Target, Array]]
    sd: Callable[[float], float]
    added: Callable[[Sequence[Window], Sequence[Window]], float]


Blames = tuple[Blame, ...]


class Witnesses:
    """`served` are all requests of the operation on the after side."""

    def __init__(
        self, around: Neighbours, operation: str, before: Side, after: Side, served: float
    ) -> None:
        self._around = around
        self._operation = operation
        self._sides = before, after
        self._served = served
        self._beside = self._together()

    def split(self, changed: Iterable[Blame], matter: Matter) -> tuple[Blames, Blames]:
        """The calls that got worse, worst first: those that are borne out, and the others."""
        worse = sorted(
            (b for b in changed if matter.claim(b) > 0.0), key=lambda b: -matter.claim(b)
        )
        claimed: defaultdict[str, float] = defaultdict(float)
        for blame in worse:
            claimed[self._behind(blame)] += matter.claim(blame) * self._served
        watched = {
            service: self._added(service, matter) >= SHOWN * claim
            for service, claim in claimed.items()
            if service
        }
        shown = {
            blame: watched[service]
            if (service := self._behind(blame))
            else self._both(blame, matter)
            for blame in worse
        }
        return tuple(b for b in worse if shown[b]), tuple(b for b in worse if not shown[b])

    def _behind(self, blame: Blame) -> str:
        """The watched service behind a peer; empty where none is."""
        service = self._around.services.get(blame.peer, "")
        return service if service in self._around.callees else ""

    def _added(self, service: str, matter: Matter) -> float:
        """What all requests of a callee took more; boundless where it was not watched before.

        By operation, since callers may ask for something else than before: what the same build has
        not served before is their choice. A new build may have renamed it.
        """
        before, after = (
            [w for w in self._around.callees[service] if side.span[0] <= w.start < side.span[1]]
            for side in self._sides
        )
        if not before or not after:
            return math.inf
        known, now = _labels(before, "operation"), _labels(after, "operation")
        parts = (
            max(matter.added(_only(before, operation), _only(after, operation)), 0.0)
            for operation in known & now
        )
        renamed = now - known and _labels(after, "version") - _labels(before, "version")
        return max(sum(parts), matter.added(before, after) if renamed else 0.0)

    # --- the old version beside the new one -------------------------------------------------------

    def _together(self) -> tuple[Read, Read] | None:
        """Both versions on the after side; None where labels do not tell them apart."""
        before, after = self._sides
        if before.version in ("", after.version):
            return None
        old = read(self._around, self._operation, Side(before.version, after.span))
        return old, read(self._around, self._operation, after)

    def _both(self, blame: Blame, matter: Matter) -> bool:
        """Not shown only if the old version surely sees less than half of it.

        Minute by minute: the traffic moves to the new version while the callee may get worse.
        """
        if self._beside is None:
            return True
        target = (blame.peer, blame.call)
        (old, old_calls), (new, new_calls) = (_minutes(r, target, matter) for r in self._beside)
        shared = sorted(old.keys() & new.keys())
        weights = [old_calls[m] * new_calls[m] / (old_calls[m] + new_calls[m]) for m in shared]
        calls = sum(weights)
        if calls < FEWEST_CALLS / 2:
            return True
        beside, changed = (_mean([side[m] for m in shared], weights) for side in (old, new))
        error = matter.sd((beside + changed) / 2.0) / math.sqrt(calls)
        usual = matter.level(blame.before)
        surely = changed - beside > DEVIATIONS * error
        return not (surely and beside - usual < SHOWN * (changed - usual))


def _minutes(
    side: Read, target: Target, matter: Matter
) -> tuple[dict[float, float], dict[float, float]]:
    """What one call took, and how many there were, in each window that has some."""
    if target not in side.counts:
        return {}, {}
    counts = side.counts[target]
    sums = matter.sums(side)[target]
    made = {float(at): float(n) for at, n in zip(side.start, counts, strict=True) if n > 0.0}
    held = dict(zip(side.start.tolist(), sums.tolist(), strict=True))
    return {at: held[at] / n for at, n in made.items()}, made


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def _labels(windows: Iterable[Window], name: str) -> set[str]:
    return {w.series.label.get(name, "") for w in windows}


def _only(windows: Iterable[Window], operation: str) -> list[Window]:
    return [w for w in windows if w.series.label.get("operation", "") == operation]


def _seconds_added(before: Sequence[Window], after: Sequence[Window]) -> float:
    return (_seconds(after) - _seconds(before)) * sum(w.count for w in after)


def _failures_added(before: Sequence[Window], after: Sequence[Window]) -> float:
    return (_rate(after) - _rate(before)) * sum(w.count for w in after)


def _seconds(windows: Sequence[Window]) -> float:
    count = sum(w.histogram.count for w in windows)
    return sum(w.histogram.total for w in windows) / count if count else math.nan


def _rate(windows: Sequence[Window]) -> float:
    count = sum(w.count for w in windows)
    return sum(w.errors for w in windows) / count if count else math.nan


TIME = Matter(
    claim=lambda blame: blame.dearer,
    level=lambda tally: tally.price,
    sums=lambda side: side.waits,
    sd=lambda seconds: VARIATION * seconds,
    added=_seconds_added,
)
FAILURES = Matter(
    claim=lambda blame: blame.errors,
    level=lambda tally: tally.errors / tally.number if tally.number else 0.0,
    sums=lambda side: side.errors,
    sd=lambda rate: math.sqrt(max(rate * (1.0 - rate), 0.0)),
    added=_failures_added,
)
