"""Who waits for a service that got slower: its callers, as far as perfd hears them."""

from __future__ import annotations

from perfd.detect.attribution import FEWEST, blames
from perfd.detect.edges import Side, read
from perfd.detect.neighbours import Caller, Neighbours
from perfd.detect.sides import Sides
from perfd.model.evidence import CallerRow

HOUR = 3600.0
MOST_ROWS = 10
LEAST = 0.01  # of the caller's own duration; below that nobody notices


def callers(around: Neighbours | None, sides: Sides) -> tuple[CallerRow, ...]:
    """Operations that wait longer for the deployed service, those that lose most time first.

    Whichever version of the caller runs: more calls of a new one are not counted.
    """
    if around is None:
        return ()
    before, after = Side("", sides.span_before), Side("", sides.span_after)
    rows = (_row(caller, before, after) for caller in around.callers)
    found = [row for row in rows if row is not None]
    return tuple(sorted(found, key=lambda r: -r.seconds * r.requests_per_hour)[:MOST_ROWS])


def _row(caller: Caller, before: Side, after: Side) -> CallerRow | None:
    own = Neighbours(own=caller.own, calls=caller.calls)
    old, new = (read(own, caller.operation, side) for side in (before, after))
    if min(old.requests, new.requests) < FEWEST:
        return None
    seconds = sum(blame.seconds for blame in blames(old, new))
    if seconds <= LEAST * old.duration:
        return None
    served = sum(w.count for w in caller.requests if after.holds(w))
    hours = (after.span[1] - after.span[0]) / HOUR
    return CallerRow(caller.service, caller.operation, old.duration, seconds, served / hours)
