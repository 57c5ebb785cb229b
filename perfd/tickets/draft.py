"""What one turn of the machine changes, gathered so that it can be written in one transaction.

A draft sees the tickets and deploys as they are, applies what happened, and ends up holding the
changed ones. Nothing outside is touched: a draft whose write fails is simply forgotten.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.finding import Finding
from perfd.model.ticket import Impact, State, Suspect, Ticket
from perfd.tickets.deploys import joined
from perfd.tickets.events import Absent, Action, Deployed, Event, Seen
from perfd.tickets.follow import step
from perfd.tickets.identity import ids, mark
from perfd.tickets.policy import Policy
from perfd.tickets.seen import joins

DAY = 86_400.0


class Draft:
    """One turn: `tickets`, `deploys` and `found` are what has to be written afterwards."""

    def __init__(
        self,
        tickets: Mapping[str, Ticket],
        deploys: Mapping[str, Deploy],
        policy: Policy,
        quota: int,
        now: float,
        impact: Callable[[Found], Impact | None] = lambda _: None,
    ) -> None:
        self._known, self._known_deploys = tickets, deploys
        self._policy, self._quota, self._impact = policy, quota, impact
        self.now = now
        self.tickets: dict[str, Ticket] = {}
        self.deploys: dict[str, Deploy] = {}
        self.found: list[Found] = []
        self.over_quota: list[Finding] = []
        self._actions: dict[str, list[Action]] = {}

    def apply(self, ticket_id: str, event: Event) -> Ticket:
        """One event to one ticket. Raises NotFound and Conflict."""
        old = self.ticket(ticket_id)
        ticket, actions = step(old, event, self._policy, self.now)
        return ticket if ticket == old else self._keep(ticket, actions)

    def apply_all(self, event: Event) -> None:
        """One event to every active ticket."""
        for ticket in self.all():
            if ticket.active:
                self.apply(ticket.id, event)

    def add_deploy(self, deploy: Deploy) -> Deploy:
        """Record a deploy; one that is known already, and says nothing new, changes nothing."""
        deploy = joined(deploy, self._all_deploys())
        old = self.deploys.get(deploy.id) or self._known_deploys.get(deploy.id)
        if deploy != old:
            self.deploys[deploy.id] = deploy
        if old is None or (deploy.claims, deploy.previous) != (old.claims, old.previous):
            self.apply_all(Deployed(deploy))
        return deploy

    def add_found(self, found: Found) -> None:
        """Record a finding, and open, join or drop the ticket that it is about."""
        found = self._admitted(found)
        finding = found.finding
        self.found.append(found)
        if not finding.opened:
            self._absent(finding)
            return
        owner = self._owner(finding)
        if owner is not None and owner.active:
            self.apply(owner.id, Seen(found))
            return
        self._begin(owner, found)

    def ticket(self, id: str) -> Ticket | None:
        """The ticket as the draft has it."""
        return self.tickets.get(id) or self._known.get(id)

    def all(self) -> list[Ticket]:
        """All tickets as the draft has them."""
        return list({**self._known, **self.tickets}.values())

    def news(self) -> dict[str, Action]:
        """What trackers are told, one message a ticket: opening outranks all, updating nothing."""
        return {name: _strongest(actions) for name, actions in self._actions.items()}

    def _keep(self, ticket: Ticket, actions: Iterable[Action]) -> Ticket:
        self.tickets[ticket.id] = ticket
        for action in actions:
            self._actions.setdefault(ticket.id, []).append(action)
        return ticket

    def _all_deploys(self) -> list[Deploy]:
        return list({**self._known_deploys, **self.deploys}.values())

    def _owner(self, finding: Finding) -> Ticket | None:
        """The active ticket that the finding is about, else the settled one it could relapse."""
        identity = mark(finding)
        own = next((t for t in self.all() if t.fingerprint == identity), None)
        if own is not None and own.active:
            return own
        return next((t for t in self.all() if joins(t, finding)), own)

    def _begin(self, settled: Ticket | None, found: Found) -> None:
        """A new ticket or a relapse, and at once the deploys that happened since its change."""
        ticket, actions = step(settled, Seen(found), self._policy, self.now)
        if ticket == settled:
            return
        suspects = tuple(self._with_commit(ticket, suspect) for suspect in ticket.suspects)
        ticket = dataclasses.replace(ticket, impact=self._impact(found), suspects=suspects)
        if settled is None:
            ticket = dataclasses.replace(ticket, id=self._free_id(ticket.fingerprint))
        self._keep(ticket, actions)
        for deploy in sorted(self._all_deploys(), key=lambda d: d.at):
            self.apply(ticket.id, Deployed(deploy))

    def _with_commit(self, ticket: Ticket, suspect: Suspect) -> Suspect:
        """The suspect with what its deploy said of itself."""
        for deploy in self._all_deploys():
            same = (deploy.service, deploy.environment) == (ticket.service, ticket.environment)
            if same and deploy.version == suspect.version:
                suspect = dataclasses.replace(suspect, commit=deploy.commit, url=deploy.url)
        return suspect

    def _free_id(self, identity: str) -> str:
        return next(name for name in ids(identity) if self.ticket(name) is None)

    def _absent(self, finding: Finding) -> None:
        for ticket in self.all():
            if ticket.active and ticket.finding_ids[0] == finding.id:
                self.apply(ticket.id, Absent(finding.reason))

    def _admitted(self, found: Found) -> Found:
        """The finding, or the same one not opened, with the reason."""
        finding = found.finding
        if not finding.opened:
            return found
        if found.evidence is None:
            return _turned_down(found, "no evidence came with it, and no ticket opens without")
        if self._owner(finding) is None and self._recent(finding.service) >= self._quota:
            reason = f"{finding.service} has opened {self._quota} tickets within a day (the quota)"
            self.over_quota.append(finding)
            return _turned_down(found, reason)
        return found

    def _recent(self, service: str) -> int:
        since = self.now - DAY
        told = (t for t in self.all() if t.state is not State.DROPPED)
        return sum(t.service == service and t.opened_at > since for t in told)


def _turned_down(found: Found, reason: str) -> Found:
    return Found(dataclasses.replace(found.finding, opened=False, reason=reason), found.evidence)


def _strongest(actions: list[Action]) -> Action:
    if Action.OPENED in actions:
        return Action.OPENED
    return next((a for a in reversed(actions) if a is not Action.UPDATED), Action.UPDATED)
