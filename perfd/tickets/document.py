"""The public JSON of tickets, findings and deploys (schema perfd.ticket/v1).

Times are RFC 3339 UTC with milliseconds. A number that is not finite is null: JSON has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from perfd.model.deploy import Deploy
from perfd.model.evidence import Change, Hotspot, Rule
from perfd.model.finding import Check, Effect, Estimate, Finding, Interval
from perfd.model.ticket import Impact, Ticket, Verification
from perfd.model.times import to_rfc3339
from perfd.tickets.plan import plan_of

SCHEMA = "perfd.ticket/v1"

Json = dict[str, Any]


def ticket_json(ticket: Ticket, base_url: str) -> Json:
    """A ticket; `base_url` is where the pages are, without a slash at the end."""
    return {
        "schema": SCHEMA,
        "id": ticket.id,
        "fingerprint": ticket.fingerprint,
        "state": str(ticket.state),
        "kind": ticket.kind,
        "trigger": ticket.trigger,
        "provisional": ticket.provisional,
        "service": ticket.service,
        "environment": ticket.environment,
        "operation": ticket.operation,
        "metric": ticket.metric,
        "unit": ticket.unit,
        "before": estimate_json(ticket.before),
        "after": estimate_json(ticket.after),
        "effect": effect_json(ticket.effect),
        "change": {"at": _time(ticket.change_at), "ci": _times(ticket.change_ci)},
        "suspects": [_suspect(asdict(suspect)) for suspect in ticket.suspects],
        "hotspots": [hotspot_json(hotspot) for hotspot in ticket.hotspots],
        "exemplars": [_finite(asdict(exemplar)) for exemplar in ticket.exemplars],
        "ruled_out": [check_json(check) for check in ticket.ruled_out],
        "impact": impact_json(ticket.impact),
        "plan": plan_json(ticket),
        "verification": verification_json(ticket.verification),
        "resolution": str(ticket.resolution) if ticket.resolution else None,
        "acknowledged_at": _time(ticket.acknowledged_at),
        "muted_until": _time(ticket.muted_until),
        "references": [asdict(reference) for reference in ticket.references],
        "findings": list(ticket.finding_ids),
        "occurrence": ticket.occurrence,
        "url": f"{base_url}/tickets/{ticket.id}",
        "opened_at": _time(ticket.opened_at),
        "last_seen": _time(ticket.last_seen),
        "history": [
            {"at": _time(e.at), "event": e.event, "state": str(e.state), "text": e.text}
            | {"actor": e.actor}
            for e in ticket.history
        ],
    }


def finding_json(finding: Finding) -> Json:
    """A finding, opened or not, with the trail of checks behind it."""
    return {
        "id": finding.id,
        "kind": finding.kind,
        "trigger": finding.trigger,
        "status": finding.status,
        "provisional": finding.provisional,
        "opened": finding.opened,
        "reason": finding.reason,
        "series": {"name": finding.series.name, "labels": dict(finding.series.labels)},
        "service": finding.service,
        "environment": finding.environment,
        "operation": finding.operation,
        "metric": finding.metric,
        "unit": finding.unit,
        "before": estimate_json(finding.before),
        "after": estimate_json(finding.after),
        "effect": effect_json(finding.effect),
        "p": _finite(finding.p_value),
        "change": {"at": _time(finding.change_at), "ci": _times(finding.change_ci)},
        "found_at": _time(finding.found_at),
        "version": finding.version,
        "previous": finding.previous,
        "checks": [check_json(check) for check in finding.checks],
    }


def deploy_json(deploy: Deploy) -> Json:
    """A deploy."""
    return {**asdict(deploy), "id": deploy.id, "at": _time(deploy.at), "claims": [*deploy.claims]}


def estimate_json(estimate: Estimate | None) -> Json | None:
    """One side of a comparison."""
    if estimate is None:
        return None
    return {
        "value": _finite(estimate.value),
        "ci": _finite(list(estimate.ci)),
        "count": estimate.count,
        "from": _time(estimate.start),
        "to": _time(estimate.end),
        "version": estimate.version,
    }


def effect_json(effect: Effect | None) -> Json | None:
    """After against before; the interval belongs to the ratio."""
    if effect is None:
        return None
    ci = _finite(list(effect.ci)) if effect.ci else None
    return {
        "ratio": _finite(effect.ratio),
        "ci": ci,
        "absolute": _finite(effect.absolute),
    }


def hotspot_json(hotspot: Hotspot) -> Json:
    """A function whose cost moved; intervals belong to the deltas."""
    return {
        "function": hotspot.function,
        "file": hotspot.file,
        "line": hotspot.line,
        "profile": hotspot.profile,
        "status": hotspot.status,
        "application": hotspot.application,
        "unit": "share",
        "self": _change(hotspot.self_share),
        "total": _change(hotspot.total_share),
        "per_request": {"unit": "s", **_change(hotspot.per_request)},
        "samples": {"before": hotspot.samples_before, "after": hotspot.samples_after},
    }


def check_json(check: Check) -> Json:
    """One filter's verdict."""
    return {
        "what": check.name,
        "passed": check.passed,
        "verdict": check.verdict,
        "inputs": _finite(check.inputs),
    }


def verification_json(verification: Verification) -> Json:
    """How the fix is judged, and what was found so far."""
    return {
        "verdict": str(verification.verdict) if verification.verdict else None,
        "text": verification.text,
        "version": verification.version,
        "claimed": verification.claimed,
        "since": _time(verification.since),
        "deadline": _time(verification.deadline),
        "at": _time(verification.at),
        "after": estimate_json(verification.after),
        "rule": rule_json(verification.rule),
    }


def rule_json(rule: Rule | None) -> Json | None:
    """The pre-registered rule."""
    if rule is None:
        return None
    said = asdict(rule)
    if not rule.status_class:
        del said["status_class"]
    finite: Json = _finite(said)
    return finite


def impact_json(impact: Impact | None) -> Json:
    """What was measured of the cost; empty when nothing was."""
    if impact is None:
        return {}
    said = {key: value for key, value in asdict(impact).items() if value not in (None, ())}
    return {key: _finite(value) for key, value in said.items()}


def plan_json(ticket: Ticket) -> Json:
    """Steps and the way back."""
    plan = plan_of(ticket)
    steps = [{"what": step.what, "subject": step.subject} for step in plan.steps]
    return {"steps": steps, "rollback": {"version": plan.rollback} if plan.rollback else None}


def _change(change: Change) -> Json:
    return {
        "before": _finite(change.before),
        "after": _finite(change.after),
        "delta": _finite(change.delta),
        "ci": _finite(list(change.ci)),
    }


def _suspect(suspect: Json) -> Json:
    """Without a commit or URL that nobody told."""
    return {k: v for k, v in suspect.items() if v != "" or k not in ("commit", "url")}


def _time(at: float | None) -> str | None:
    return None if at is None or not math.isfinite(at) else to_rfc3339(at)


def _times(ci: Interval) -> list[str | None]:
    return [_time(ci[0]), _time(ci[1])]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
