"""Whose time it is: how much of a change a service added itself, and how much it only waited for.

The requests that were put together with their calls (OWN_TIME, CALLS) split their duration exactly
into own time and waiting. Waiting is then split by number and price. The caller is charged for its
calls at what they cost *before*, so more calls, and calls that were not made before, are its own
doing; what the same calls cost more than before is the callee's. A retry beyond the usual is made
because the call before it failed, and is the callee's as well:

    own    = change of (own time + calls x price before) - retries beyond the usual x price before
    theirs = change of the duration - own

A callee has to show it: where it is watched itself, and its own requests did not get slower (or did
not fail) by half as much as its caller waits longer, then the time was added on the way to it, or
in the caller's pool of connections, and stays with the caller.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perfd.detect.cells import Cells
from perfd.detect.edges import NONE, Read, Side, Tally, Target, read
from perfd.detect.neighbours import Neighbours
from perfd.detect.noise import noise, spread
from perfd.model.window import Window

FEWEST = 100  # requests of either side that were put together; fewer say little
FEWEST_WINDOWS = 5
DEVIATIONS = 2.33  # one-sided 99 %
SHOWN = 0.5  # of what its caller waits longer for it, that a watched callee must have added


@dataclass(frozen=True, slots=True)
class Amount:
    """What was added to a request: seconds, or failures; `error` is its standard error."""

    value: float
    error: float

    @property
    def certain(self) -> float:
        """What it is no less than, at 99 %."""
        return self.value - DEVIATIONS * self.error


@dataclass(frozen=True, slots=True)
class Blame:
    """What calls to one target add to a request, beyond what the caller's own doing explains."""

    peer: str
    call: str
    before: Tally
    after: Tally
    retried: float  # of the seconds, those of retries beyond the usual
    seconds: float
    errors: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """Of one operation, per request.

    `base` is how long one took before. Seconds that were added are `own` or `theirs`, failures
    `own_failures` or `their_failures`; `slower` and `failing` are the calls behind the latter, the
    worst first. `requests` were put together on either side.
    """

    requests: tuple[int, int]
    base: float
    own: Amount
    theirs: Amount
    own_failures: Amount
    their_failures: float
    slower: tuple[Blame, ...]
    failing: tuple[Blame, ...]


def attribute(
    around: Neighbours, operation: str, before: Side, after: Side, served: float
) -> Attribution | None:
    """The split of one operation; None where too few requests were put together.

    `served` are all its requests of the after side, to compare with what callees served.
    """
    old, new = read(around, operation, before), read(around, operation, after)
    if min(old.requests, new.requests) < FEWEST or min(len(old.n), len(new.n)) < FEWEST_WINDOWS:
        return None
    prices = {t: (old.calls.get(t) or new.calls[t]).price for t in {**new.calls, **old.calls}}
    changed = blames(old, new)
    watched = _Watched(around, before, after, served)
    slower, unseen = watched.split(changed, lambda b: b.seconds, _seconds_added)
    failing, mistaken = watched.split(changed, lambda b: b.errors, _failures_added)
    retried = sum(b.retried for b in changed)
    own = _change(old.priced(prices), new.priced(prices), sum(b.seconds for b in unseen) - retried)
    beyond = _change(old.beyond(prices), new.beyond(prices))
    return Attribution(
        requests=(int(old.requests), int(new.requests)),
        base=old.duration,
        own=own,
        theirs=Amount(new.duration - old.duration - own.value, beyond.error),
        own_failures=_change(old.failed(), new.failed(), sum(b.errors for b in mistaken)),
        their_failures=sum(b.errors for b in failing),
        slower=slower,
        failing=failing,
    )


def blames(old: Read, new: Read) -> list[Blame]:
    """What each target that was called before adds."""
    return [_blame(target, old, new) for target in sorted(old.calls)]


def _blame(target: Target, old: Read, new: Read) -> Blame:
    """At the same number of calls; a call that was not made before is nobody else's fault."""
    before, after = old.calls[target], new.calls.get(target, NONE)
    more = max(after.number - before.number, 0.0)
    retried = min(max(after.retries - before.retries, 0.0), more) * before.price
    return Blame(
        *(*target, before, after, retried),
        seconds=after.seconds - after.number * before.price + retried,
        errors=after.errors - after.number * before.errors / before.number,
    )


def _change(old: Cells, new: Cells, more: float = 0.0) -> Amount:
    """The difference of two means, and what is to be added to it for another reason."""
    between = noise([old, new])
    error = spread(old, between).plus(spread(new, between))
    return Amount(new.level - old.level + more, math.sqrt(error.variance))


# --- what callees show of it ----------------------------------------------------------------------

Blames = tuple[Blame, ...]


class _Watched:
    """The services behind peers, and whether their own requests show what a caller says of them."""

    def __init__(self, around: Neighbours, before: Side, after: Side, served: float) -> None:
        self._around = around
        self._spans = before.span, after.span
        self._served = served

    def split(
        self,
        changed: Iterable[Blame],
        amount: Callable[[Blame], float],
        added: Callable[[Sequence[Window], Sequence[Window]], float],
    ) -> tuple[Blames, Blames]:
        """The calls that got worse, worst first: those whose callee shows it, and the others."""
        worse = sorted((b for b in changed if amount(b) > 0.0), key=lambda b: -amount(b))
        claimed: defaultdict[str, float] = defaultdict(float)
        for blame in worse:
            claimed[self._behind(blame)] += amount(blame) * self._served
        shows = {
            service: not service or self._added(service, added) >= SHOWN * claim
            for service, claim in claimed.items()
        }
        seen = tuple(b for b in worse if shows[self._behind(b)])
        return seen, tuple(b for b in worse if not shows[self._behind(b)])

    def _behind(self, blame: Blame) -> str:
        """The watched service behind a peer; empty where none is."""
        service = self._around.services.get(blame.peer, "")
        return service if service in self._around.callees else ""

    def _added(
        self, service: str, added: Callable[[Sequence[Window], Sequence[Window]], float]
    ) -> float:
        """What all requests of a service cost more; boundless where it was not watched before."""
        before, after = (
            [w for w in self._around.callees[service] if span[0] <= w.start < span[1]]
            for span in self._spans
        )
        if not before or not after:
            return math.inf
        operations = {w.series.label.get("operation", "") for w in after}
        parts = (
            max(added(_only(before, operation), _only(after, operation)), 0.0)
            for operation in operations
        )
        return max(sum(parts), added(before, after))


def _only(windows: Iterable[Window], operation: str) -> list[Window]:
    return [w for w in windows if w.series.label.get("operation", "") == operation]


def _seconds_added(before: Sequence[Window], after: Sequence[Window]) -> float:
    """Seconds that all requests after took more than they would have before."""
    return (_seconds(after) - _seconds(before)) * sum(w.count for w in after)


def _failures_added(before: Sequence[Window], after: Sequence[Window]) -> float:
    return (_rate(after) - _rate(before)) * sum(w.count for w in after)


def _seconds(windows: Sequence[Window]) -> float:
    count = sum(w.histogram.count for w in windows)
    return sum(w.histogram.total for w in windows) / count if count else math.nan


def _rate(windows: Sequence[Window]) -> float:
    count = sum(w.count for w in windows)
    return sum(w.errors for w in windows) / count if count else math.nan
