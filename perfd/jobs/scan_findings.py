"""What becomes of an evaluation: findings, at most one of them a ticket for each change.

A change is followed once. What lies in the interval of a ticket's change joins the ticket while it
is active, and is part of its story when it is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from perfd.detect.measures import ERROR_RATE
from perfd.detect.scan import discoveries
from perfd.detect.scan.coincidence import suspicion
from perfd.detect.scan.evaluation import Evaluation
from perfd.detect.scan.findings import Moved, described, finding, ranked
from perfd.detect.scan.opening import large, shadowed
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.table import Subject
from perfd.detect.scan.walk import NEAR_DEPLOY
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Store
from perfd.jobs.cells import Place
from perfd.jobs.evaluations import every
from perfd.jobs.follow import Follower
from perfd.jobs.scan_callees import callees
from perfd.jobs.scan_proof import Proof, ScanProver
from perfd.model.batch import FINDING
from perfd.model.evidence import Found
from perfd.model.finding import TREND, Check, Finding
from perfd.model.ticket import Ticket
from perfd.model.times import to_rfc3339
from perfd.tickets.codec import decode

TRIED = 3  # metrics of one operation for which proof is read; the others moved with them
MOST = 12  # of all operations that changed at one time


class Standing(NamedTuple):
    """The p-value up to which changes stand, of so many tests with a budget of `q`."""

    limit: float
    tests: int
    q: float


class ScanFindings:
    """Turns evaluations into findings and proofs; nothing is written here."""

    def __init__(
        self, store: Store, follower: Follower, settings: DetectSettings, pace: float
    ) -> None:
        self._store, self._follower = store, follower
        self._settings, self._pace = settings, pace
        self._prover = ScanProver(store, settings, pace)
        self._needed = ScanSettings().confirmations

    def of(self, made: Evaluation, standing: Standing, end: float, now: float) -> list[Found]:
        """Everything that is worth a line after an evaluation of the cells up to `end`."""
        over = [moved for moved in made.said if moved.seen.over is not None]
        trends = [moved for moved in made.said if moved.seen.status == TREND]
        steps = [m for m in made.said if m not in over and m not in trends]
        rises = [m for m in steps if m.rises]
        found = [Found(self._suspected(moved, now)) for moved in made.waiting]
        ended = {moved.subject: finding(moved, now, "").id for moved in over}
        found += [Found(_gone(moved, ended, now)) for moved in made.gone]
        found += [Found(_ended(moved, now)) for moved in over]
        found += [Found(f) for moved in trends for f in self._trend(moved, now)]
        for moved in steps:
            if not moved.rises:
                found.append(Found(finding(moved, now, f"an improvement: {described(moved)}")))
                found += self._returned(moved)
        for change in _changes(rises):
            found += self._risen(change, standing, end, now)
        return found

    # --- a rise -----------------------------------------------------------------------------------

    def _risen(
        self, change: Sequence[Moved], standing: Standing, end: float, now: float
    ) -> Iterator[Found]:
        """All that rose at one time; one of it is opened, if any may be."""
        whole = ""  # what the others are part of
        tried: Counter[str] = Counter()  # a poll that waits must not hide its neighbour
        for moved in ranked(change):
            checks = self._checks(moved, standing)
            blocked = next((c for c in checks if not c.passed), None)
            if blocked is not None:
                yield Found(self._told(moved, now, blocked.verdict, checks))
            elif whole := whole or self._followed(moved):
                yield Found(self._told(moved, now, f"part of {whole}", checks))
            elif not moved.subject.service or _enough(tried, moved.subject.operation):
                yield Found(self._told(moved, now, _as_it_is(moved), checks))
            else:
                tried[moved.subject.operation] += 1
                found = self._proven(moved, checks, end, now)
                whole = found.finding.id if found.evidence is not None else ""
                yield found

    def _checks(self, moved: Moved, standing: Standing) -> tuple[Check, ...]:
        limit, tests, q = standing
        chance = discoveries.check(moved.seen.step.p, limit, tests, q)
        return chance, large(moved, self._settings)

    def _proven(self, moved: Moved, checks: tuple[Check, ...], end: float, now: float) -> Found:
        """Opened, in shadow, part of a ticket, or turned down by what is around it."""
        first = moved.time(moved.seen.end - (moved.seen.times - 1) * every(self._settings))
        proof = self._prover.read(moved, first, end)
        checks = (*checks, *proof.checks)
        blocked = next((c for c in checks if not c.passed), None)
        if blocked is not None:
            return Found(self._told(moved, now, blocked.verdict, checks))
        return self._opened(moved, checks, proof, now)

    def _opened(self, moved: Moved, checks: tuple[Check, ...], proof: Proof, now: float) -> Found:
        told = proof.measured(self._told(moved, now, described(moved), checks))
        hidden = shadowed(moved, self._settings, self._pace)
        if hidden is not None:
            reason = f"{hidden.name}: {hidden.verdict} ({told.reason})"
            told = replace(told, reason=reason, checks=(*told.checks, hidden))
        else:
            told = replace(told, opened=True)
        return Found(told, proof.evidence(told))

    def _told(
        self, moved: Moved, now: float, reason: str, checks: tuple[Check, ...] = ()
    ) -> Finding:
        """With the deploy that it may have come with."""
        found = finding(moved, now, reason, checks)
        near = suspicion(moved, self._follower.deploys(*_place(moved)))
        if near is None:
            return found
        deploy, probability = near
        return replace(
            found, version=deploy.version, previous=deploy.previous, likelihood=probability
        )

    def _followed(self, moved: Moved) -> str:
        """The id of the ticket that it is part of, if it is.

        That has a change at the same time, and is settled or about the same, or about a service
        that this one calls. One that is active and about something else is joined; and of its own
        ticket, when an evaluation is made once more, it is what the ticket was opened with.
        """
        ticket = self._ticket_at(moved, {_place(moved)})
        if ticket is None:
            return self._behind(moved)
        if finding(moved, 0.0, "").id in ticket.finding_ids:
            return ""
        joins = ticket.active and _overlap(ticket, moved) and not _same_subject(ticket, moved)
        return "" if joins else ticket.id

    def _behind(self, moved: Moved) -> str:
        """The ticket of a callee: who waits for it, or is failed by it, is no ticket of its own."""
        metric = moved.subject.metric
        if not (metric.startswith("latency.") or metric == ERROR_RATE):
            return ""
        ticket = self._ticket_at(moved, callees(self._store, _place(moved)))
        return "" if ticket is None else f"{ticket.id}, which is about {ticket.service}, a callee"

    def _ticket_at(self, moved: Moved, places: Collection[Place]) -> Ticket | None:
        """The ticket of these in whose change's interval it lies; an active one first."""
        slack = NEAR_DEPLOY * moved.table.width
        near = [
            ticket
            for ticket in self._follower.tickets()
            if (ticket.service, ticket.environment) in places and _overlap(ticket, moved, slack)
        ]
        return max(near, key=lambda t: (t.active, t.opened_at), default=None)

    # --- what is not a rise -----------------------------------------------------------------------

    def _suspected(self, moved: Moved, now: float) -> Finding:
        seen = moved.seen
        needed = self._needed * seen.step.doubt
        times = f"found by {seen.times} of {needed} evaluations"
        return self._told(moved, now, f"suspected, {times}: {described(moved)}")

    def _trend(self, moved: Moved, now: float) -> Iterator[Finding]:
        """A ramp; one that was taken for a step and is followed as one stays what it is."""
        found = finding(moved, now, f"a ramp and no step: {described(moved)}")
        if not any(found.id in t.finding_ids for t in self._follower.tickets()):
            yield found

    def _returned(self, moved: Moved) -> Iterator[Found]:
        """The findings of tickets of this series, whose level is inside their bound again."""
        subject, level = moved.subject, moved.seen.step.after
        for ticket in self._follower.tickets():
            rule = ticket.verification.rule
            same = _same_subject(ticket, moved) and ticket.metric == subject.metric
            if ticket.active and same and rule is not None and rule.low <= level <= rule.high:
                held = self._store.document(FINDING, ticket.finding_ids[0])
                if held is not None:
                    yield Found(_away(decode(Finding, held.body), moved))


def _changes(rises: Sequence[Moved]) -> list[list[Moved]]:
    """Those whose intervals overlap, one after the other, are one change."""
    groups: list[list[Moved]] = []
    reach = float("-inf")
    for moved in sorted(rises, key=lambda m: m.ci[0]):
        if moved.ci[0] > reach:
            groups.append([])
        groups[-1].append(moved)
        reach = max(reach, moved.ci[1])
    return groups


def _place(moved: Moved) -> Place:
    return moved.subject.service, moved.subject.environment


def _overlap(ticket: Ticket, moved: Moved, slack: float = 0.0) -> bool:
    """Whether the intervals of both changes do, or nearly so."""
    low, high = moved.ci[0] - slack, moved.ci[1] + slack
    return low <= ticket.change_ci[1] and ticket.change_ci[0] <= high


def _same_subject(ticket: Ticket, moved: Moved) -> bool:
    of_ticket = ticket.service, ticket.environment, ticket.operation
    return of_ticket == (*_place(moved), moved.subject.operation)


def _gone(moved: Moved, ended: Mapping[Subject, str], now: float) -> Finding:
    """What waited for its confirmation, and is not there or is the way back of another."""
    if moved.subject in ended:
        return finding(moved, now, f"the end of {ended[moved.subject]}: {described(moved)}")
    times = f"found by {moved.seen.times} evaluations, and not by the next"
    return finding(moved, now, f"{times}: {described(moved)}")


def _ended(moved: Moved, now: float) -> Finding:
    """Of a confirmed change after which the old level came back."""
    assert moved.seen.over is not None
    since = to_rfc3339(moved.time(moved.seen.over))[:16]
    return finding(moved, now, f"went away: back at the old level since {since}Z")


def _away(found: Finding, moved: Moved) -> Finding:
    since = to_rfc3339(moved.at)[:16]
    return replace(found, opened=False, reason=f"went away: back in the bound since {since}Z")


def _enough(tried: Counter[str], operation: str) -> bool:
    """Whether proof was read for as many metrics as may be."""
    return tried[operation] >= TRIED or tried.total() >= MOST


def _as_it_is(moved: Moved) -> str:
    if moved.subject.service:
        return f"beside what was asked for a ticket: {described(moved)}"
    return f"a host or container, no service of its own: {described(moved)}"
