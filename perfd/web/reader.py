"""The store in the words of pages and API: tickets, findings, deploys, judgements and requests.

Synchronous; called beside the event loop. A document that cannot be decoded (it was written by a
newer perfd, or is damaged) is left out rather than taking a whole page with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from perfd.detect.budget import refilled
from perfd.detect.speaker import speaking
from perfd.interfaces import Labels, Live, Store
from perfd.model.batch import (
    BUDGET,
    DEPLOY,
    DETECTABILITY,
    EVIDENCE,
    FINDING,
    JUDGEMENT,
    TICKET,
    Document,
)
from perfd.model.budget import Budget
from perfd.model.deploy import Deploy
from perfd.model.detectability import Detectability
from perfd.model.evidence import Evidence
from perfd.model.finding import Finding
from perfd.model.judgement import Judgement
from perfd.model.series import METRIC_REQUESTS, REQUESTS
from perfd.model.ticket import Ticket
from perfd.model.window import Gauge, Window
from perfd.tickets.codec import decode

T = TypeVar("T")


class Reader:
    """Reads for one request; cheap to make."""

    def __init__(self, store: Store, live: Live, pace: float = 1.0) -> None:
        self._store = store
        self._live = live
        self.pace = pace

    def tickets(self) -> list[Ticket]:
        """All tickets, newest first."""
        found = _decoded(Ticket, self._store.documents(TICKET))
        return sorted(found, key=lambda t: (t.opened_at, t.id), reverse=True)

    def ticket(self, id: str) -> Ticket | None:
        """One ticket."""
        return _first(_decoded(Ticket, [self._store.document(TICKET, id)]))

    def evidence(self, ticket: Ticket) -> Evidence | None:
        """The proof of a ticket: of the finding that its metric comes from, else of any."""
        documents = [self._store.document(EVIDENCE, known) for known in ticket.finding_ids]
        proofs = _decoded(Evidence, documents)
        return _first(p for p in proofs if _decides(p, ticket.metric)) or _first(proofs)

    def findings(self, since: float | None = None) -> list[Finding]:
        """What detectors said, newest first."""
        found = _decoded(Finding, self._store.documents(FINDING, since))
        return sorted(found, key=lambda f: (f.found_at, f.id), reverse=True)

    def deploys(self, since: float | None = None) -> list[Deploy]:
        """Deploys, newest first."""
        found = _decoded(Deploy, self._store.documents(DEPLOY, since))
        return sorted(found, key=lambda d: (d.at, d.id), reverse=True)

    def judgements(self, since: float | None = None) -> list[Judgement]:
        """How far the judging of each deploy is, newest deploy first."""
        found = _decoded(Judgement, self._store.documents(JUDGEMENT, since))
        return sorted(found, key=lambda j: (j.deployed_at, j.deploy_id), reverse=True)

    def budget(self, service: str, now: float) -> Budget | None:
        """The service's false-alarm budget now; None before its first test."""
        held = _first(_decoded(Budget, [self._store.document(BUDGET, service)]))
        return refilled(held, held.allowed, now) if held else None

    def detectability(self, service: str | None = None) -> list[Detectability]:
        """What would be seen of each service, or of one, by name."""
        if service is None:
            documents = self._store.documents(DETECTABILITY)
        else:
            documents = [d for d in [self._store.document(DETECTABILITY, service)] if d]
        return sorted(_decoded(Detectability, documents), key=lambda d: d.service)

    def requests(
        self, labels: Labels, start: float, end: float, step: float | None = None
    ) -> list[Window]:
        """Requests of matching operations, with the last seconds that are not stored yet.

        From spans; from the metric of the same meaning where it counts more than they hold.
        """
        spans = self._windows(REQUESTS, labels, start, end, step)
        metric = self._windows(METRIC_REQUESTS, labels, start, end, step)
        return speaking(spans, metric)

    def known_services(self) -> set[str]:
        """Names of all services whose requests the store holds."""
        return {
            series.label["service"]
            for name in (REQUESTS, METRIC_REQUESTS)
            for series in self._store.series(name)
        }

    def _windows(
        self, name: str, labels: Labels, start: float, end: float, step: float | None
    ) -> list[Window]:
        stored = self._store.windows(name, labels, start, end, step)
        open_ = self._live.windows(name, labels)
        return [*stored, *(w for w in open_ if start <= w.start < end)]

    def gauges(self, name: str, labels: Labels, start: float, end: float) -> Sequence[Gauge]:
        """Readings of matching series, as fine as stored."""
        return self._store.gauges(name, labels, start, end)


def _decoded(type_: type[T], documents: Iterable[Document | None]) -> list[T]:
    records: list[T] = []
    for document in documents:
        if document is None:
            continue
        try:
            records.append(decode(type_, document.body))
        except msgspec.MsgspecError:
            continue
    return records


def _first(records: Iterable[T]) -> T | None:
    return next(iter(records), None)


def _decides(evidence: Evidence, metric: str) -> bool:
    return any(row.decisive and row.metric == metric for row in evidence.rows)
