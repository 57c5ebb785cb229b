"""Traffic artefact: somebody came or left, and those who were there all the time fare as before.

A crawler that leaves takes its fast requests with it: requests fall, but not those that are slower
than the old median. One that comes with slow requests makes the median slower and nobody's request:
requests rise, but not the fast ones. A change of the code moves both with the traffic.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from perfd.detect import measures
from perfd.detect.around.by_time import Around
from perfd.detect.candidate import Candidate
from perfd.detect.filters import traffic_drop
from perfd.detect.wording import percent
from perfd.model.finding import Check
from perfd.model.window import Window

NAME = traffic_drop.NAME
CHANGED = math.log(1.1)  # of the rate; days differ by as much
STAYED = 0.5  # of what the whole changed by: those that stayed moved by less than that
MORE = math.log(1.05)  # of what is slow (or less of what is fast) is a change of them
DEVIATIONS = 2.0
ABOVE = (0.5, 0.75, 0.9, 0.95, 0.99)  # quantiles of the old side


def check(around: Around) -> Check | None:
    """Whether the others fare as before; else as of a deploy, where the rate fell by half."""
    candidate = around.candidate
    old, new = traffic_drop.rates(candidate)
    if old <= 0.0 or new <= 0.0:
        return None
    rate = math.log(new / old)
    if candidate.metric in (measures.ERROR_RATE, measures.CPU) or abs(rate) < CHANGED:
        return traffic_drop.check(candidate)
    moves = _moves(candidate, rate)
    if moves is None or not _as_before(moves, rate):
        return traffic_drop.check(candidate)
    inputs: dict[str, float | int | str] = {"before": old, "after": new, "others": moves[0][0]}
    who = "the fast ones left" if rate < 0.0 else "slow ones came"
    verdict = (
        f"requests per second {percent(new / old - 1.0)}: {who}, and the others fare as before"
    )
    return Check(NAME, False, verdict, inputs)


def _as_before(moves: Sequence[tuple[float, float]], rate: float) -> bool:
    """Those beyond the old median moved by less than half as much, and none got worse.

    `moves` are ln(after / before) of requests beyond each level, with its error.
    """
    stayed = moves[0][0]
    if rate < 0.0:
        return stayed > STAYED * rate and not any(
            move > max(MORE, DEVIATIONS * error) for move, error in moves
        )
    return stayed < STAYED * rate and not any(
        move < -max(MORE, DEVIATIONS * error) for move, error in moves
    )


def _moves(candidate: Candidate, rate: float) -> list[tuple[float, float]] | None:
    """Of requests per second above the old quantiles where the rate fell, else below."""
    old, new = _pooled(candidate.before), _pooled(candidate.after)
    seconds = candidate.sides.seconds
    found = []
    for q in ABOVE:
        level = _bucket(old, q if rate < 0.0 else 1.0 - q)
        parts = [_beyond(held, level, above=rate < 0.0) for held in (old, new)]
        if min(parts) == 0:
            return None
        move = math.log(parts[1] / seconds[1]) - math.log(parts[0] / seconds[0])
        found.append((move, math.sqrt(1.0 / parts[0] + 1.0 / parts[1])))
    return found


def _pooled(windows: Iterable[Window]) -> Counter[int]:
    held: Counter[int] = Counter()
    for window in windows:
        held.update(window.histogram.buckets)
    return held


def _bucket(held: Counter[int], q: float) -> int:
    """The bucket of a quantile."""
    seen, rank = 0, q * held.total()
    for bucket in sorted(held):
        seen += held[bucket]
        if seen >= rank:
            return bucket
    return max(held, default=0)


def _beyond(held: Counter[int], level: int, *, above: bool) -> int:
    return sum(n for bucket, n in held.items() if (bucket >= level) == above)
