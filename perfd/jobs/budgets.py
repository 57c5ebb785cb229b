"""The false-alarm budgets of all services, kept in the store."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from perfd.detect.budget import DEPLOY, WRONG, Share, full, refilled, share, spend, total
from perfd.interfaces import Meter, Store
from perfd.model.batch import BUDGET, TICKET
from perfd.model.budget import Budget
from perfd.model.ticket import Resolution, Ticket
from perfd.tickets.codec import decode, document

METRIC = "perfd_wrong_ticket_budget"


class Budgets:
    """What may be spent, and what was. A restart changes nothing: all is written."""

    def __init__(self, store: Store, allowed: float, meter: Meter) -> None:
        self._store = store
        self._allowed = allowed
        self._meter = meter
        self._lock = threading.Lock()
        self._known: dict[str, Budget] = {}
        for held in store.documents(BUDGET):
            self._show(decode(Budget, held.body))

    def configure(self, allowed: float) -> None:
        """Allow so many wrong tickets from now on; what was spent stays spent."""
        self._allowed = allowed

    def share(self, service: str, key: str, now: float, trigger: str = DEPLOY) -> Share:
        """What a deploy of the service, or a scan of it, was given or would be given now.

        `key` is the deploy's id; nothing is charged yet.
        """
        return share(self._budget(service, now), key, trigger)

    def charge(
        self, service: str, key: str, given: Share, now: float, trigger: str = DEPLOY
    ) -> None:
        """Write that a share is spent: before the first of its tests, and once however often."""
        with self._lock:  # deploys and scans are judged in threads of their own
            budget = self._budget(service, now)
            budget = spend(budget, trigger, key, given.alpha, budget.at)
            revision = self._store.next_revision()
            self._store.put([document(budget, budget.service, revision, budget.at)])
            self._show(budget)

    def _budget(self, service: str, now: float) -> Budget:
        """The service's budget now, after the tickets that were closed as wrong."""
        held = self._store.document(BUDGET, service)
        budget = decode(Budget, held.body) if held else full(service, self._allowed, now)
        budget = refilled(budget, self._allowed, now)
        for ticket in self._wrong(service):
            closed = ticket.history[-1].at
            budget = spend(budget, WRONG, f"{ticket.id} {closed:.0f}", 1.0, closed)
        return refilled(budget, self._allowed, now)

    def _wrong(self, service: str) -> Iterable[Ticket]:
        tickets = (decode(Ticket, held.body) for held in self._store.documents(TICKET))
        return (t for t in tickets if t.service == service and t.resolution is Resolution.WRONG)

    def _show(self, budget: Budget) -> None:
        """The gauges of a service; they read the newest budget."""
        service, new = budget.service, budget.service not in self._known
        self._known[service] = budget
        if new:
            known = self._known
            self._meter.gauge(METRIC, lambda: known[service].allowed, service=service, of="allowed")
            self._meter.gauge(METRIC, lambda: total(known[service]), service=service, of="spent")
            self._meter.gauge(METRIC, lambda: known[service].left, service=service, of="left")
