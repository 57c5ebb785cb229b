"""Whose time it is: how much of a change a service added itself, and how much it only waited for.

The requests that were put together with their calls (OWN_TIME, CALLS) split their duration exactly
into own time and waiting. Waiting is then split by number and price. The caller is charged for its
calls at what they cost *before*, so more calls, and calls that were not made before, are its own
doing; what the same calls cost more than before is the callee's. A retry beyond the usual is made
because the call before it failed, and is the callee's as well:

    own    = change of (own time + calls x price before) - retries beyond the usual x price before
    theirs = change of the duration - own

What no witness bears out (witnesses.py) stays with the caller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perfd.detect.cells import Cells
from perfd.detect.edges import NONE, Read, Side, Target, read
from perfd.detect.neighbours import Neighbours
from perfd.detect.noise import noise, spread
from perfd.detect.witnesses import FAILURES, TIME, VARIATION, Blame, Witnesses

FEWEST = 100  # requests of either side that were put together; fewer say little
FEWEST_WINDOWS = 5
# What a witness speaks against goes to the caller if it is more than noise may bring.
LEAST_FAILURES = 0.005  # of requests
LEAST_PART = 0.02  # of a request's duration
SURE = 3.0  # deviations, as if calls were independent, which those of one trace are not
DEVIATIONS = 2.33  # one-sided 99 %


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
class Attribution:
    """Of one operation, per request.

    `base` is how long one took before, `waits` for how much of it calls were waited for. Seconds
    that were added are `own` or `theirs`, failures `own_failures` or `their_failures`; `slower` and
    `failing` are the calls behind the latter, the worst first. `requests` were put together on
    either side.
    """

    requests: tuple[int, int]
    base: float
    waits: float
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
    witnesses = Witnesses(around, operation, before, after, served)
    parts = _parted(changed, witnesses, old, new)
    own = _change(old.priced(prices), new.priced(prices), parts.returned)
    beyond = _change(old.beyond(prices), new.beyond(prices))
    mistaken = sum(b.errors for b in parts.mistaken)
    return Attribution(
        requests=(int(old.requests), int(new.requests)),
        base=old.duration,
        waits=old.duration - float(old.own.sum()) / old.requests,
        own=own,
        theirs=Amount(new.duration - old.duration - own.value, beyond.error),
        own_failures=_change(old.failed(), new.failed(), mistaken),
        their_failures=sum(b.errors for b in parts.failing),
        slower=parts.slower,
        failing=parts.failing,
    )


class _Parts(NamedTuple):
    """Calls by what witnesses say: borne out (`slower`, `failing`), and failing by mistake.

    `returned` are seconds to be added to the caller's own.
    """

    slower: tuple[Blame, ...]
    failing: tuple[Blame, ...]
    mistaken: tuple[Blame, ...]
    returned: float


def _parted(changed: Sequence[Blame], witnesses: Witnesses, old: Read, new: Read) -> _Parts:
    failing, mistaken = witnesses.split(changed, FAILURES)
    rare = 1.0 / old.requests + 1.0 / new.requests
    mistaken = tuple(b for b in mistaken if b.errors >= _least_failures(b, rare))
    # A callee that fails is waited for longer without being slower: time-outs, pauses, retries.
    waited_for = {b for b in failing if b.errors >= LEAST_FAILURES}
    _, unseen = witnesses.split(changed, TIME)
    least = LEAST_PART * old.duration
    unseen = tuple(
        b for b in unseen if b not in waited_for and b.dearer >= max(least, _least_time(b, rare))
    )
    theirs = {b: b.dearer * (b not in unseen) + b.retried * (b not in mistaken) for b in changed}
    slower = sorted((b for b in changed if theirs[b] > 0.0), key=lambda b: -theirs[b])
    retried = sum(b.retried for b in changed if b not in mistaken)
    return _Parts(tuple(slower), failing, mistaken, sum(b.dearer for b in unseen) - retried)


def _least_failures(blame: Blame, rare: float) -> float:
    """Failures that are more than chance brings to so few requests."""
    usual = max(blame.before.errors, blame.after.errors)
    return max(LEAST_FAILURES, SURE * math.sqrt(usual * rare))


def _least_time(blame: Blame, rare: float) -> float:
    """Seconds that are more than chance brings to so few requests."""
    tally = blame.after
    return SURE * VARIATION * tally.price * math.sqrt(tally.number * rare)


def blames(old: Read, new: Read) -> list[Blame]:
    """What each target that was called before adds."""
    return [_blame(target, old, new) for target in sorted(old.calls)]


def _blame(target: Target, old: Read, new: Read) -> Blame:
    """At the same number of calls; a call that was not made before is nobody else's fault."""
    before, after = old.calls[target], new.calls.get(target, NONE)
    waits = after.seconds > 0.0  # what nobody waits for fails without anybody's failing
    more = max(after.number - before.number, 0.0)
    retried = min(max(after.retries - before.retries, 0.0), more) * before.price
    return Blame(
        *(*target, before, after, after.seconds - after.number * before.price, retried),
        errors=after.errors - after.number * before.errors / before.number if waits else 0.0,
    )


def _change(old: Cells, new: Cells, more: float = 0.0) -> Amount:
    """The difference of two means, and what is to be added to it for another reason."""
    between = noise([old, new])
    error = spread(old, between).plus(spread(new, between))
    return Amount(new.level - old.level + more, math.sqrt(error.variance))
