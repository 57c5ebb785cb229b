"""Follows tickets: what detectors, deploys, people and time do to them, each in one transaction.

The tickets are held in memory and written through. A turn is a Draft; its documents go to the store
in one `put`, and only then does memory change, so a failed write leaves both as they were.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from perfd.detect.speaker import speaking
from perfd.errors import NotFound
from perfd.interfaces import Meter, Store
from perfd.jobs.requests import requests
from perfd.model.batch import DEPLOY, EVIDENCE, TICKET, Document
from perfd.model.deploy import Deploy
from perfd.model.evidence import Evidence, Found
from perfd.model.series import STEADY
from perfd.model.ticket import Impact, Reference, State, Ticket, Verification
from perfd.tickets.codec import decode, document
from perfd.tickets.compose import body_of, title_of
from perfd.tickets.document import ticket_json
from perfd.tickets.draft import Draft
from perfd.tickets.events import Action, Event, Judged, Passed
from perfd.tickets.impact import impact
from perfd.tickets.outbox import Attempt, OutboxEntry, key_of
from perfd.tickets.policy import Policy
from perfd.tickets.route import trackers_for
from perfd.tickets.settings import TicketSettings

log = logging.getLogger(__name__)

T = TypeVar("T")


class Follower:
    """Thread-safe: jobs, the desk and the outbox worker share one lock."""

    def __init__(
        self, store: Store, settings: TicketSettings, *, pace: float, base_url: str, meter: Meter
    ) -> None:
        self._store, self._settings, self._meter = store, settings, meter
        self._pace = pace
        self._policy = Policy.of(settings, pace)
        self._base_url = base_url.rstrip("/")
        self._lock = threading.RLock()
        self._told: list[Callable[[Sequence[OutboxEntry]], None]] = []
        self._tickets = {t.id: t for t in _all(store, TICKET, Ticket)}
        self._deploys = {d.id: d for d in _all(store, DEPLOY, Deploy)}
        meter.gauge("perfd_tickets_active", lambda: float(sum(t.active for t in self.tickets())))

    def configure(self, settings: TicketSettings) -> None:
        """Take new settings; rules that tickets already carry stay as they were registered."""
        with self._lock:
            self._settings, self._policy = settings, Policy.of(settings, self._pace)

    @property
    def policy(self) -> Policy:
        """Durations in real seconds."""
        return self._policy

    def subscribe(self, told: Callable[[Sequence[OutboxEntry]], None]) -> None:
        """Call this, from any thread, with new messages once they are in the store."""
        self._told.append(told)

    def tickets(self) -> Sequence[Ticket]:
        """All tickets, by id."""
        with self._lock:
            return [self._tickets[name] for name in sorted(self._tickets)]

    def ticket(self, ticket_id: str) -> Ticket:
        """One ticket. Raises NotFound."""
        with self._lock:
            ticket = self._tickets.get(ticket_id)
        if ticket is None:
            raise NotFound(f"there is no ticket {ticket_id}")
        return ticket

    def deploys(self, service: str, environment: str) -> Sequence[Deploy]:
        """Known deploys of a service, oldest first."""
        with self._lock:
            known = list(self._deploys.values())
        same = [d for d in known if (d.service, d.environment) == (service, environment)]
        return sorted(same, key=lambda d: (d.at, d.id))

    def record(self, found: Sequence[Found], deploys: Sequence[Deploy], now: float) -> None:
        """Write findings, evidence, deploys and all that follows for tickets: one transaction.

        Within a turn the finding that costs most comes first, so that the others join its ticket.
        """
        with self._lock:
            draft = self._draft(now)
            for deploy in deploys:
                draft.add_deploy(deploy)
            for one in sorted(found, key=_cost, reverse=True):
                draft.add_found(one)
            self._commit(draft)

    def announce(self, deploy: Deploy, now: float) -> Deploy:
        """Record one deploy and return it as it is known: joined to one within 15 minutes."""
        with self._lock:
            if not deploy.previous:
                deploy = dataclasses.replace(deploy, previous=self._previous(deploy))
            draft = self._draft(now)
            known = draft.add_deploy(deploy)
            self._commit(draft)
            return known

    def act(self, ticket_id: str, event: Event, now: float) -> Ticket:
        """One event to one ticket. Raises NotFound and Conflict."""
        with self._lock:
            self.ticket(ticket_id)
            draft = self._draft(now)
            draft.apply(ticket_id, event)
            self._commit(draft)
            return self._tickets[ticket_id]

    def judge(self, ticket_id: str, verification: Verification, now: float) -> Ticket:
        """A verdict on the version that is verifying; a stale one changes nothing."""
        return self.act(ticket_id, Judged(verification), now)

    def tick(self, now: float) -> None:
        """What is due by time alone: hold_for, quiet_for, the end of mutes, deadlines."""
        with self._lock:
            draft = self._draft(now)
            draft.apply_all(Passed())
            self._commit(draft)

    def settle(self, entry: OutboxEntry, reference: Reference | None) -> None:
        """Write a delivery's state and, with it, where the tracker mirrors the ticket."""
        with self._lock:
            documents = [self._document(entry, entry.key, entry.at)]
            ticket = self._tickets.get(entry.ticket_id)
            if ticket is not None and reference is not None and reference not in ticket.references:
                others = tuple(r for r in ticket.references if r.tracker != reference.tracker)
                ticket = dataclasses.replace(ticket, references=(*others, reference))
                documents.append(self._document(ticket, ticket.id, entry.at))
            self._store.put(documents)
            if ticket is not None:
                self._tickets[ticket.id] = ticket

    def evidence(self, ticket: Ticket) -> Evidence | None:
        """The proof of the finding that the ticket's numbers come from."""
        for finding_id in ticket.finding_ids[:1]:
            held = self._store.document(EVIDENCE, finding_id)
            if held is not None:
                return decode(Evidence, held.body)
        return None

    # --- one turn ---------------------------------------------------------------------------------

    def _draft(self, now: float) -> Draft:
        return Draft(
            self._tickets, self._deploys, self._policy, self._settings.quota, now, self._impact
        )

    def _commit(self, draft: Draft) -> None:
        """Documents first, memory second, the world last."""
        proofs = self._proofs(draft)
        entries = [
            self._entry(draft.tickets[name], action, proofs, draft.now)
            for name, action in draft.news().items()
        ]
        documents = [
            *self._findings(draft),
            *(self._document(e, e.finding_id, draft.now) for e in proofs.values()),
            *(self._document(d, d.id, d.at) for d in draft.deploys.values()),
            *(self._document(t, t.id, draft.now) for t in draft.tickets.values()),
            *(self._document(e, e.key, e.at) for e in entries),
        ]
        if documents:
            self._store.put(documents)
        self._tickets.update(draft.tickets)
        self._deploys.update(draft.deploys)
        self._count(draft)
        if entries:
            for told in self._told:
                told(entries)

    def _findings(self, draft: Draft) -> Iterable[Document]:
        for one in draft.found:
            yield self._document(one.finding, one.finding.id, one.finding.found_at)

    def _proofs(self, draft: Draft) -> dict[str, Evidence]:
        """Evidence by finding, with the rule of the ticket that it belongs to."""
        rules = {
            finding_id: ticket.verification.rule
            for ticket in draft.all()
            for finding_id in ticket.finding_ids
        }
        return {
            one.finding.id: dataclasses.replace(one.evidence, rule=rules.get(one.finding.id))
            for one in draft.found
            if one.evidence is not None
        }

    def _entry(
        self, ticket: Ticket, action: Action, proofs: dict[str, Evidence], now: float
    ) -> OutboxEntry:
        proof = proofs.get(ticket.finding_ids[0]) or self.evidence(ticket)
        return OutboxEntry(
            key=key_of(ticket.id, self._store.next_revision()),
            ticket_id=ticket.id,
            at=now,
            event=str(action),
            title=title_of(ticket),
            body=body_of(ticket, proof, self._base_url),
            ticket=ticket,
            document=ticket_json(ticket, self._base_url),
            attempts={name: Attempt() for name in trackers_for(ticket, self._settings)},
        )

    def _document(self, value: Any, name: str, at: float) -> Document:
        return document(value, name, self._store.next_revision(), at)

    def _count(self, draft: Draft) -> None:
        for one in draft.found:
            outcome = "opened" if one.finding.opened else "not_opened"
            self._meter.count("perfd_findings", kind=one.finding.kind, outcome=outcome)
        for finding in draft.over_quota:
            self._meter.count("perfd_tickets", kind=finding.kind, outcome="over_quota")
            log.warning(
                "over the quota: %s %s of %s",
                finding.service,
                finding.metric,
                finding.operation or "the service",
            )
        for deploy in draft.deploys.values():
            self._meter.count("perfd_deploys", source=deploy.source)
        for name, action in draft.news().items():
            kind = draft.tickets[name].kind
            self._meter.count("perfd_tickets", kind=kind, outcome=str(action))
        for ticket in draft.tickets.values():
            if ticket.state is State.DROPPED:
                self._meter.count("perfd_tickets", kind=ticket.kind, outcome="dropped")

    # --- what a turn looks up ---------------------------------------------------------------------

    def _impact(self, found: Found) -> Impact | None:
        after, finding = found.finding.after, found.finding
        if after is None:
            return None
        labels = {"service": finding.service, "environment": finding.environment}
        labels |= {"version": after.version} if after.version else {}
        labels |= {"phase": STEADY}
        windows = speaking(*requests(self._store, labels, after.start, after.end))
        return impact(found, sum(w.count for w in windows))

    def _previous(self, deploy: Deploy) -> str:
        """The version before it, as far as deploys tell.

        Of one that is announced once more they do not: only the traffic knows whether it runs.
        """
        earlier = [
            d.version for d in self.deploys(deploy.service, deploy.environment) if d.at < deploy.at
        ]
        return earlier[-1] if earlier and earlier[-1] != deploy.version else ""


def _cost(found: Found) -> float:
    """Seconds (or whatever the unit is) added per second; only to order findings of one turn."""
    finding = found.finding
    if finding.effect is None or finding.after is None:
        return 0.0
    span = max(finding.after.end - finding.after.start, 1.0)
    return abs(finding.effect.absolute) * finding.after.count / span


def _all(store: Store, kind: str, type_: type[T]) -> list[T]:
    return [decode(type_, held.body) for held in store.documents(kind)]
