"""How long each kind is kept."""

from __future__ import annotations

from perfd.model.batch import AGENT, DEPLOY, DETECTABILITY, EVIDENCE, FINDING, JUDGEMENT
from perfd.store.increments import Kind
from perfd.store.settings import Retention


def of_rows(retention: Retention) -> dict[Kind, float]:
    """Seconds by kind of row."""
    return {
        Kind.WINDOW: retention.windows,
        Kind.GAUGE: retention.resources,
        Kind.PROFILE: retention.profiles,
        Kind.EXEMPLAR: retention.exemplars,
    }


def of_documents(retention: Retention) -> dict[str, float]:
    """Seconds by kind of document; what is not named here (tickets, the outbox) stays."""
    return {
        FINDING: retention.findings,
        JUDGEMENT: retention.findings,
        DEPLOY: retention.findings,
        DETECTABILITY: retention.findings,
        EVIDENCE: retention.evidence,
        AGENT: retention.resources,
    }
