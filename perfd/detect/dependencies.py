"""Dependencies that nobody instruments, seen through those that call them.

A database or a foreign API has no requests of its own here. Where the same calls, as many as
before, take longer, the finding is the dependency's: it is shown, with who waits, and no code is
blamed for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perfd.detect import measures
from perfd.detect.attribution import Attribution
from perfd.detect.candidate import Candidate
from perfd.detect.filters.callees import NAME, split_of
from perfd.detect.findings import Tried
from perfd.detect.witnesses import Blame
from perfd.detect.wording import milliseconds
from perfd.model.finding import SUSPECTED, Check, Finding
from perfd.model.series import CALLS, OVERFLOW, Series

DEPENDENCY = "dependency"
LEAST = 0.5  # of all that callees added
_LATENCY = (measures.LATENCY_MEAN, measures.LATENCY_P95)


def dependencies(tried: Iterable[Tried], now: float) -> Iterator[Finding]:
    """One finding for each call to a dependency that got slower, whoever noticed."""
    told: set[str] = set()
    for one in tried:
        if one.candidate.metric not in _LATENCY or not any(c.name == NAME for c in one.checks):
            continue
        found = split_of(one.candidate)
        for blame in _foreign(one.candidate, found) if found else ():
            finding = _finding(one.candidate, blame, now)
            if finding.id not in told:
                told.add(finding.id)
                yield finding


def _foreign(candidate: Candidate, found: Attribution) -> Iterator[Blame]:
    """The calls that added most, if nobody watches who answers them."""
    around = candidate.case.neighbours
    if around is None or found.theirs.certain <= 0.0:
        return
    for blame in found.slower:
        known = blame.peer == OVERFLOW or blame.peer in around.services
        if not known and blame.seconds >= LEAST * found.theirs.value:
            yield blame


def _finding(candidate: Candidate, blame: Blame, now: float) -> Finding:
    deploy, width = candidate.case.deploy, candidate.case.width
    check = _check(deploy.service, blame)
    labels = {"environment": deploy.environment, "peer": blame.peer, "call": blame.call}
    return Finding(
        kind="regression",
        trigger="deploy",
        status=SUSPECTED,
        series=Series.of(CALLS, **labels),
        service=blame.peer,
        environment=deploy.environment,
        operation=blame.call,
        metric=measures.LATENCY_MEAN,
        unit="s",
        change_at=deploy.at,
        change_ci=(deploy.at - width, deploy.at + width),
        found_at=now,
        before=None,
        after=None,
        effect=None,
        p_value=None,
        opened=False,
        reason=check.verdict,
        checks=(check,),
    )


def _check(caller: str, blame: Blame) -> Check:
    """What was seen of it, and by whom."""
    old, new = blame.before.price, blame.after.price
    verdict = (
        f"{blame.peer} answers slower: {milliseconds(old)} before, {milliseconds(new)} now for the "
        f"same call; {caller} waits {milliseconds(blame.seconds)} longer in each request"
    )
    inputs: dict[str, float | int | str] = {
        "caller": caller,
        "before": old,
        "after": new,
        "calls_before": blame.before.number,
        "calls_after": blame.after.number,
    }
    return Check(DEPENDENCY, False, verdict, inputs)
