"""Deploys after the change, claims that one is the fix, and the verdict on it."""

from __future__ import annotations

import dataclasses

from perfd.errors import Conflict
from perfd.model.deploy import Deploy
from perfd.model.series import UNKNOWN
from perfd.model.ticket import State, Ticket, Verdict, Verification
from perfd.tickets.events import Action, Deployed, FixClaimed, Judged
from perfd.tickets.move import Step, moved, noted, refuse
from perfd.tickets.policy import Policy
from perfd.tickets.seen import regressed_versions


def deployed(ticket: Ticket, event: Deployed, policy: Policy, now: float) -> Step:
    """A version other than the regressed one is a candidate for the fix.

    So is the regressed one put over itself: then something else was put right, its configuration.
    """
    deploy = event.deploy
    if not ticket.active or not _concerns(ticket, deploy):
        return Step(ticket)
    if deploy.version in regressed_versions(ticket) and deploy.previous != deploy.version:
        return _rolled_back(ticket, deploy, now)
    if _is_judged(ticket, deploy):
        return _claim_added(ticket, deploy, now)
    if not _newer(ticket, deploy):
        return Step(ticket)
    return _candidate(ticket, deploy, policy, now)


def fix_claimed(ticket: Ticket, event: FixClaimed, policy: Policy, now: float) -> Step:
    """A person or a pipeline says which version holds the fix."""
    if ticket.state not in (State.OPEN, State.VERIFYING):
        raise refuse(ticket, "fixed")
    if event.version in regressed_versions(ticket):
        raise Conflict(f"{event.version} is the version that got worse; name the one with the fix")
    text = " ".join(
        filter(None, (f"fix claimed for {event.version or 'the next deploy'}", event.text))
    )
    if ticket.state is State.VERIFYING and event.version in ("", ticket.verification.version):
        checked = dataclasses.replace(ticket.verification, claimed=True)
        ticket = dataclasses.replace(ticket, verification=checked)
        return Step(noted(ticket, now, "fix", text, event.actor), (Action.UPDATED,))
    if event.deployed_at is None:
        promise = dataclasses.replace(ticket.verification, promised=event.version)
        ticket = dataclasses.replace(ticket, verification=promise)
        return Step(noted(ticket, now, "fix", text, event.actor), (Action.UPDATED,))
    claim = _started(ticket, event.version, event.deployed_at, policy, now, claimed=True)
    ticket = dataclasses.replace(ticket, verification=claim)
    return Step(moved(ticket, State.VERIFYING, now, "fix", text, event.actor), (Action.UPDATED,))


def judged(ticket: Ticket, event: Judged, policy: Policy, now: float) -> Step:
    """The rule's verdict. One that arrives late, about another version, is ignored."""
    del policy
    verdict = event.verification
    same = (verdict.version, verdict.since) == (
        ticket.verification.version,
        ticket.verification.since,
    )
    if ticket.state is not State.VERIFYING or not same:
        return Step(ticket)
    told = dataclasses.replace(
        ticket.verification,
        verdict=verdict.verdict,
        text=verdict.text,
        after=verdict.after,
        at=verdict.at,
    )
    ticket = dataclasses.replace(ticket, verification=told)
    if verdict.verdict is Verdict.INCONCLUSIVE:
        return Step(ticket)
    if verdict.verdict is Verdict.VERIFIED:
        done = moved(ticket, State.VERIFIED, now, "verified", verdict.text)
        return Step(done, (Action.VERIFIED,))
    back = moved(ticket, State.OPEN, now, "judged", verdict.text)
    return Step(back, (Action.UPDATED,))


def expired(ticket: Ticket, now: float) -> Step:
    """The deadline: what could not be decided is open again."""
    verification = ticket.verification
    text = f"no verdict on {verification.version} in time: {verification.text or 'too little data'}"
    told = dataclasses.replace(verification, verdict=Verdict.INCONCLUSIVE, text=text, at=now)
    ticket = dataclasses.replace(ticket, verification=told)
    return Step(moved(ticket, State.OPEN, now, "judged", text), (Action.UPDATED,))


def _concerns(ticket: Ticket, deploy: Deploy) -> bool:
    same = (deploy.service, deploy.environment) == (ticket.service, ticket.environment)
    return same and deploy.at > ticket.change_at


def _is_judged(ticket: Ticket, deploy: Deploy) -> bool:
    """Whether it is the deploy under judgement, told of again; one without a version is by time."""
    since = ticket.verification.since
    if since is None or deploy.version != ticket.verification.version:
        return False
    return deploy.version != UNKNOWN or deploy.at == since


def _newer(ticket: Ticket, deploy: Deploy) -> bool:
    """Whether it came after the deploy that was judged last; an old one told late is history."""
    since = ticket.verification.since
    return since is None or deploy.at > since


def _cleared(ticket: Ticket) -> Verification:
    """Nothing is being judged; the rule and a promise stay."""
    old = ticket.verification
    return Verification(rule=old.rule, promised=old.promised)


def _started(
    ticket: Ticket, version: str, since: float, policy: Policy, now: float, *, claimed: bool
) -> Verification:
    """A version begins to be judged.

    The deadline counts from now: a deploy may be told of long after it was made.
    """
    promised = ticket.verification.promised
    return Verification(
        rule=ticket.verification.rule,
        version=version,
        since=since,
        deadline=now + policy.verify_deadline,
        claimed=claimed,
        promised=None if promised in ("", version) else promised,
    )


def _candidate(ticket: Ticket, deploy: Deploy, policy: Policy, now: float) -> Step:
    promised = ticket.verification.promised in ("", deploy.version)
    claimed = ticket.id in deploy.claims or promised
    fresh = _started(ticket, deploy.version, deploy.at, policy, now, claimed=claimed)
    ticket = dataclasses.replace(ticket, verification=fresh)
    says = "which claims the fix" if claimed else "which does not say that it is the fix"
    text = f"{deploy.version} is deployed, {says}; it is judged by the ticket's rule"
    return _continued(ticket, State.VERIFYING, now, text)


def _claim_added(ticket: Ticket, deploy: Deploy, now: float) -> Step:
    """The deploy that is being judged was told of again, now with its claim."""
    if ticket.state is not State.VERIFYING or ticket.verification.claimed:
        return Step(ticket)
    if ticket.id not in deploy.claims:
        return Step(ticket)
    claimed = dataclasses.replace(ticket.verification, claimed=True)
    ticket = dataclasses.replace(ticket, verification=claimed)
    return Step(noted(ticket, now, "fix", f"{deploy.version} claims the fix"), (Action.UPDATED,))


def _rolled_back(ticket: Ticket, deploy: Deploy, now: float) -> Step:
    """The regressed version again. While a fix is judged it ends that; otherwise it is no news."""
    since = ticket.verification.since
    if since is None or deploy.at <= since or _behind_mute(ticket) is State.OPEN:
        return Step(ticket)
    text = f"{deploy.version} is back before {ticket.verification.version} was judged"
    ticket = dataclasses.replace(ticket, verification=_cleared(ticket))
    return _continued(ticket, State.OPEN, now, text)


def _behind_mute(ticket: Ticket) -> State | None:
    return ticket.muted_from if ticket.state is State.MUTED else ticket.state


def _continued(ticket: Ticket, state: State, now: float, text: str) -> Step:
    """Into `state`; a pending ticket stays pending, and a muted one goes there when it is back."""
    if _behind_mute(ticket) is State.PENDING:
        return Step(noted(ticket, now, "deployed", text))
    if ticket.state is State.MUTED:
        ticket = dataclasses.replace(ticket, muted_from=state)
        return Step(noted(ticket, now, "deployed", text))
    return Step(moved(ticket, state, now, "deployed", text), (Action.UPDATED,))
