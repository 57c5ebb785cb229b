"""Sentences about services and tickets: what a page says before it shows anything."""

from __future__ import annotations

from collections.abc import Sequence

from perfd.model.judgement import JUDGED, SUPERSEDED, TOO_LITTLE, Judgement
from perfd.model.ticket import State, Ticket, Verdict
from perfd.tickets.wording import before_after, effect_text, length, metric_name, moment
from perfd.web.red import Span

_WORSE = {
    "error_rate": "fails more often",
    "cpu_per_request": "costs more CPU",
    "memory": "uses more memory",
    "throughput": "serves fewer requests",
}
_STATES = {
    State.PENDING: "being confirmed",
    State.OPEN: "open",
    State.VERIFYING: "fix being judged",
    State.VERIFIED: "fix verified",
    State.CLOSED: "closed",
    State.MUTED: "muted",
    State.DROPPED: "dropped",
}
_RESOLUTIONS = {
    "wont_fix": "will not be fixed",
    "wrong": "was wrong",
    "duplicate": "is a duplicate",
    "went_away": "went away by itself",
    "superseded": "was superseded",
}


def state_words(ticket: Ticket) -> str:
    """`open`, `fix being judged`, `closed: went away by itself`."""
    words = _STATES[ticket.state]
    if ticket.state is State.CLOSED and ticket.resolution:
        return f"{words}: {_RESOLUTIONS.get(ticket.resolution.value, ticket.resolution.value)}"
    return words


def got_worse(ticket: Ticket) -> str:
    """`pricing got slower with 1.1.0`."""
    what = _WORSE.get(ticket.metric)
    if what is None:
        what = (
            "got slower" if ticket.metric.startswith("latency") else f"changed its {ticket.metric}"
        )
    return f"{ticket.service} {what} {since(ticket)}"


def since(ticket: Ticket) -> str:
    """`with 1.1.0`, or `since 24 May 2026, 14:02 UTC` when no deploy is suspected."""
    version = next((s.version for s in ticket.suspects if s.version), "")
    return f"with {version}" if version else f"since {moment(ticket.change_at)}"


def figures(ticket: Ticket) -> str:
    """`p95 41 ms → 72 ms, +76 % (+69 … +83 %)`."""
    if ticket.before is None or ticket.after is None or ticket.effect is None:
        return metric_name(ticket.metric)
    sides = before_after(ticket.before, ticket.after, ticket.unit)
    return f"{metric_name(ticket.metric)} {sides}, {effect_text(ticket.effect, ticket.unit)}"


def fix_words(ticket: Ticket) -> str:
    """What is known of a fix, "" when nothing is."""
    verification = ticket.verification
    if verification.verdict is Verdict.VERIFIED:
        return f"the fix in {verification.version} is verified"
    if ticket.state is State.VERIFYING:
        return f"{verification.version or 'a fix'} is being judged"
    return ""


def judgement_words(judgement: Judgement) -> str:
    """`being judged, 12 min of 30 min`, `judged: nothing got worse`."""
    if judgement.state == JUDGED:
        if judgement.opened:
            return f"judged: {counted(judgement.opened, 'finding')} opened"
        again = "; looked at again later" if judgement.due else ""
        return f"judged: no regression found{again}"
    if judgement.state in {TOO_LITTLE, SUPERSEDED}:
        return f"not judged: {judgement.reason}"
    had = length(judgement.progress) if judgement.progress >= 0.5 else "nothing"
    seen = f"{had} of {length(judgement.needed)}" if judgement.needed else ""
    return f"being judged, {seen}" if seen else f"being judged: {judgement.reason}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c, d and 3 more`."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def ago_words(span: Span) -> str:
    """How long an hour (divided by pace) is: `an hour`, `a minute`, `5 min`."""
    seconds = span.step * round((span.end - span.start) / span.step - 0.5)
    return {3600: "an hour", 60: "a minute"}.get(round(seconds), length(seconds))


def counted(count: int, one: str, many: str = "") -> str:
    """`1 service`, `4 services`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
