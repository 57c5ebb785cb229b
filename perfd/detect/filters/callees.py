"""A slow callee makes its callers slow: the ticket goes to where the time was added."""

from __future__ import annotations

from perfd.detect import measures
from perfd.detect.attribution import Amount, Attribution, attribute
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.edges import Side
from perfd.detect.witnesses import Blame
from perfd.detect.wording import milliseconds, percent, points
from perfd.model.finding import Check

NAME = "callees"
MARGIN = 0.5  # of the floor, above which the own part is for sure
LEAST = 0.01  # of the duration before; callees that add less are as fast as before
LEAST_POINTS = 0.001  # of requests; a change of failures below that is not told
PART = 0.5  # of a rise of failures, that failing calls have to bring to explain it

Inputs = dict[str, float | int | str]


def check(candidate: Candidate) -> Check | None:
    """What the service added itself is above the floor, or its callees added nothing to speak of.

    None for CPU, which nobody else spends, and where calls are not known.
    """
    if candidate.metric == measures.CPU or candidate.operation == ALL_OPERATIONS:
        return None
    found = split_of(candidate)
    if found is None:
        return None
    return _of_errors(candidate, found) if _errors(candidate) else _of_time(candidate, found)


def split_of(candidate: Candidate) -> Attribution | None:
    """Own and others' part of the change of the candidate's operation; None where unknown."""
    around, deploy, sides = candidate.case.neighbours, candidate.case.deploy, candidate.sides
    if around is None:
        return None
    before = Side(deploy.previous, sides.span_before)
    after = Side(deploy.version, sides.span_after)
    served = sum(w.count for w in candidate.after)
    return attribute(around, candidate.operation, before, after, served)


def _errors(candidate: Candidate) -> bool:
    return candidate.metric == measures.ERROR_RATE


def _of_time(candidate: Candidate, found: Attribution) -> Check:
    floor = candidate.floor * found.base
    inputs = _inputs(found, found.own, found.theirs.value, found.slower)
    added = _added(found.own.value, found.base)
    if found.theirs.certain <= LEAST * found.base or not found.slower:
        if _tail_of_callees(candidate, found):
            words = f"{added}: the slowest requests are those that wait for its callees"
            return Check(NAME, False, words, inputs)
        return Check(NAME, True, f"{added}; its callees are as fast as before", inputs)
    waiting = f"{milliseconds(found.theirs.value)} are waiting for {_named(found.slower)}"
    stands = _stands(found.own, found.theirs.value, floor)
    return Check(NAME, stands, f"{waiting}, {added}", inputs)


def _tail_of_callees(candidate: Candidate, found: Attribution) -> bool:
    """Whether p95 moved without any time of the service's own: a few slow calls do that."""
    waits = found.waits > LEAST * found.base
    nothing = found.own.value < LEAST * found.base
    return candidate.metric == measures.LATENCY_P95 and waits and nothing


def _of_errors(candidate: Candidate, found: Attribution) -> Check | None:
    whole = candidate.comparison
    assert whole is not None
    inputs = _inputs(found, found.own_failures, found.their_failures, found.failing)
    own = found.own_failures.value
    added = "no more fail by themselves"
    if abs(own) >= LEAST_POINTS:
        added = f"{points(own)} of requests fail without a failed call"
    if not found.failing or found.their_failures < PART * whole.shift:
        return Check(NAME, True, f"{added}; calls fail no more than before", inputs)
    words = f"calls to {_named(found.failing)} fail, {added}"
    stands = _stands(found.own_failures, found.their_failures, candidate.floor)
    return Check(NAME, stands, words, inputs)


def _added(own: float, base: float) -> str:
    """What the service itself adds to a request."""
    if abs(own) < LEAST * base:
        return "nothing was added here"
    if own < 0.0:
        return f"{milliseconds(-own)} less are spent here"
    return f"{milliseconds(own)} a request were added here ({percent(own / base)})"


def _stands(own: Amount, theirs: float, floor: float) -> bool:
    """The own part is above the floor, and for sure above half of it unless it is most of all."""
    return own.value >= floor and (own.certain >= MARGIN * floor or own.value > theirs)


def _named(blames: tuple[Blame, ...]) -> str:
    """The callee that is to blame for most."""
    others = len({b.peer for b in blames}) - 1
    return blames[0].peer + (f" and {others} more" if others else "")


def _inputs(found: Attribution, own: Amount, theirs: float, blames: tuple[Blame, ...]) -> Inputs:
    return {
        "requests": min(found.requests),
        "own": own.value,
        "own_error": own.error,
        "theirs": theirs,
        "callee": blames[0].peer if blames else "",
    }
