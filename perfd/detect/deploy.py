"""Judging a deploy: all operations and metrics of its service, and at most one ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from perfd.detect import looks
from perfd.detect.budget import PRUDENCE
from perfd.detect.candidates import candidates
from perfd.detect.case import DeployCase
from perfd.detect.contention import NAME as CONTENTION
from perfd.detect.dependencies import dependencies
from perfd.detect.evidence import evidence
from perfd.detect.filters import shadow
from perfd.detect.findings import Tried, finding, in_shadow, part_of, representative
from perfd.detect.sides import NotYet, Sides, split
from perfd.detect.trail import trail
from perfd.model.evidence import Found
from perfd.model.judgement import JUDGED, TOO_LITTLE, WAITING, Judgement


@dataclass(frozen=True, slots=True)
class Judged:
    """How far the judging is, and what this look found.

    `spends`: tests were made of which a ticket may come, so the deploy's share is spent.
    """

    judgement: Judgement
    found: tuple[Found, ...] = ()
    spends: bool = False


def judge(case: DeployCase, now: float) -> Judged:
    """One look at a deploy; `now` is when it is taken, the data reaches up to `case.end`."""
    sides = split(case)
    if isinstance(sides, NotYet):
        return Judged(_not_yet(case, sides))
    alpha = case.share.alpha * PRUDENCE * looks.share(case)
    tried = [Tried(c, trail(c)) for c in candidates(case, sides, alpha)]
    found = (*_found(case, tried, now), *(Found(f) for f in dependencies(tried, now)))
    spends = not shadow.shadowed(case, sides)
    return Judged(_judged(case, sides, tried, found, now), found, spends)


def _found(case: DeployCase, tried: list[Tried], now: float) -> tuple[Found, ...]:
    """At most one opened finding, with its proof first; the rest with the reason why not."""
    main = _main(case, tried, now)
    rest = [t for t in tried if t is not main]
    if main is None:
        told = ((t, finding(t, now, False)) for t in rest)
        return tuple(Found(f) for t, f in told if t.notable or f.id == case.opened)
    hidden = shadow.check(main.candidate)
    opened = in_shadow(finding(main, now, False), hidden) if hidden else finding(main, now, True)
    others = [
        part_of(finding(t, now, False), opened) if t.stands else finding(t, now, False)
        for t in rest
        if t.stands or t.notable
    ]
    return (Found(opened, evidence(main, tried, opened)), *(Found(f) for f in others))


def _main(case: DeployCase, tried: list[Tried], now: float) -> Tried | None:
    """What the ticket is about: the same as at an earlier look as long as it stands."""
    earlier = (t for t in tried if t.stands and finding(t, now, True).id == case.opened)
    return next(earlier, None) or representative(tried)


def _settled(tried: list[Tried]) -> bool:
    """Whether every test would have seen a change at its floor, or something was found.

    What only a busy host stood in the way of is looked at again when the host may be quiet.
    """
    if any(not c.passed and c.name == CONTENTION for t in tried for c in t.checks):
        return any(t.stands for t in tried)
    return any(t.stands for t in tried) or all(t.candidate.powerful for t in tried)


def _not_yet(case: DeployCase, missing: NotYet) -> Judgement:
    due = looks.retry_due(case, hopeless=missing.hopeless)
    ended = JUDGED if case.looks else TOO_LITTLE
    return _judgement(
        case,
        state=WAITING if due is not None else ended,
        reason=missing.reason,
        due=due,
        looks=case.looks,
        progress=missing.progress,
        needed=missing.needed,
        finding_id=case.opened,
    )


def _judged(
    case: DeployCase, sides: Sides, tried: list[Tried], found: tuple[Found, ...], now: float
) -> Judgement:
    opened = next((f.finding for f in found if f.finding.opened), None)
    told = next((f.finding for f in found if f.evidence is not None), None)  # opened or in shadow
    nothing = f"{len(tried)} tests of {len(sides.after)} operations found nothing to open"
    return _judgement(
        case,
        state=JUDGED,
        reason=told.reason if told else nothing,
        due=looks.next_due(case, settled=_settled(tried)),
        judged_at=now,
        looks=case.looks + 1,
        progress=sides.span_after[1] - sides.span_after[0],
        needed=case.seconds(case.settings.after),
        findings=len(found),
        opened=int(opened is not None),
        finding_id=opened.id if opened else case.opened,
    )


def _judgement(case: DeployCase, **rest: Any) -> Judgement:
    deploy = case.deploy
    return Judgement(
        deploy_id=deploy.id,
        service=deploy.service,
        environment=deploy.environment,
        version=deploy.version,
        previous=deploy.previous,
        deployed_at=deploy.at,
        **rest,
    )
