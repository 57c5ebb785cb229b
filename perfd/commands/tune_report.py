"""What `perfd detect tune` has learned: a document for programs, lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perfd.detect.tune.deploys import LEVELS, Deploys
from perfd.detect.tune.proposal import ENOUGH
from perfd.detect.tune.rate import Rate
from perfd.detect.tune.scans import Scans
from perfd.jobs.tune import Place, Tuned
from perfd.model.ticket import Ticket
from perfd.model.times import to_rfc3339

Report = dict[str, Any]


def report(tuned: Tuned, allowed: float) -> Report:
    """The JSON object; `allowed` is the present detect.wrong_tickets."""
    return {
        "wrong_tickets": allowed,
        "services": [_place(place) for place in tuned.places],
        "closed_as_wrong": [_ticket(ticket) for ticket in tuned.wrong],
        "settings": [
            {"key": f"detect.{one.key}", "now": one.now, "then": one.then, "why": one.why}
            for one in tuned.settings
        ],
        "yaml": _yaml(tuned),
    }


def _place(place: Place) -> Report:
    return {
        "service": place.service,
        "environment": place.environment,
        "deploys": _deploys(place.deploys),
        "scan": _scans(place.scans),
    }


def _deploys(deploys: Deploys) -> Report:
    return {
        "judged": len(deploys.judged),
        "skipped": deploys.skipped,
        "tests": sum(one.tests for one in deploys.judged),
        "provisional": sum(one.provisional for one in deploys.judged),
        "promised": deploys.promised,
        "opened": _rate(deploys.opened),
        "p_below": {f"{level:g}": _rate(deploys.below(level)) for level in LEVELS},
        "drift": deploys.drift,
        "wrong": [
            {
                "at": to_rfc3339(one.at),
                "operation": one.opened.operation,
                "metric": one.opened.metric,
                "ratio": one.opened.effect.ratio if one.opened.effect else None,
            }
            for one in deploys.judged
            if one.opened is not None
        ],
    }


def _scans(scans: Scans) -> Report:
    return {
        "series": scans.series,
        "weeks": scans.weeks,
        "wrong": len(scans.wrong),
        "a_quarter": scans.a_quarter,
        "changes": [
            {
                "at": to_rfc3339(one.at),
                "operation": one.subject.operation,
                "metric": one.subject.metric,
                "ratio": one.ratio,
            }
            for one in scans.changes
        ],
    }


def _rate(rate: Rate) -> Report:
    return {"k": rate.k, "n": rate.n, "value": rate.value, "ci": [rate.low, rate.high]}


def _ticket(ticket: Ticket) -> Report:
    return {
        "id": ticket.id,
        "service": ticket.service,
        "operation": ticket.operation,
        "metric": ticket.metric,
        "trigger": ticket.trigger,
        "ratio": ticket.effect.ratio if ticket.effect else None,
    }


def _yaml(tuned: Tuned) -> str:
    """What to paste; empty where nothing should change."""
    lines = [f"  {one.key}: {one.then:g}\n" for one in tuned.settings]
    return "detect:\n" + "".join(lines) if lines else ""


def told(document: Report) -> Iterator[str]:
    """Lines for a person."""
    for place in document["services"]:
        yield f"{place['service']} ({place['environment']})"
        yield from (f"  {line}" for line in _about_deploys(place["deploys"]))
        yield from (f"  {line}" for line in _about_scan(place["scan"]))
    if not document["services"]:
        yield "No requests are stored: there is nothing to try the thresholds on."
    for ticket in document["closed_as_wrong"]:
        what = f"{ticket['operation'] or ticket['service']} {ticket['metric']}"
        yield f"closed as wrong: {ticket['id']} {what} {_times(ticket['ratio'])}"
    yield ""
    if not document["settings"]:
        yield _nothing_to_set(sum(p["deploys"]["judged"] for p in document["services"]))
        return
    for one in document["settings"]:
        yield f"{one['key']}: {one['now']:g} -> {one['then']:g}, because {one['why']}"
    yield ""
    yield document["yaml"].rstrip()


def _nothing_to_set(judged: int) -> str:
    if judged < ENOUGH:
        return f"Nothing to set: {judged} moments were judged, {ENOUGH} are needed to conclude."
    return "The thresholds hold on this history; nothing to set."


def _about_deploys(deploys: Report) -> Iterator[str]:
    opened = deploys["opened"]
    yield (
        f"moments without a deploy: {deploys['judged']} judged ({deploys['tests']} tests), "
        f"{deploys['skipped']} without two sides"
    )
    if not deploys["judged"]:
        return
    yield (
        f"  {opened['k']} would have opened a ticket ({_percent(opened)}); "
        f"promised is {deploys['promised'] * 100:.2g} %"
    )
    for level, rate in deploys["p_below"].items():
        yield f"  smallest p below {float(level) * 100:g} %: {rate['k']} ({_percent(rate)})"
    for one in deploys["wrong"]:
        what = f"{one['operation']} {one['metric']} {_times(one['ratio'])}"
        yield f"  wrong at {one['at'][:16]}Z: {what}"


def _about_scan(scan: Report) -> Iterator[str]:
    yield (
        f"scan: {scan['wrong']} wrong findings in {scan['weeks']:,.0f} weeks of copies of "
        f"{scan['series']} series: {scan['a_quarter']:.2g} a quarter"
    )
    for one in scan["changes"]:
        what = f"{one['operation'] or 'all'} {one['metric']} {_times(one['ratio'])}"
        yield f"  it confirms a change at {one['at'][:16]}Z: {what}; was that one?"


def _percent(rate: Report) -> str:
    low, high = rate["ci"]
    return f"{rate['value'] * 100:.2g} %, {low * 100:.2g} to {high * 100:.2g} %"


def _times(ratio: float | None) -> str:
    return "from nothing" if ratio is None else f"x{ratio:.2f}"
