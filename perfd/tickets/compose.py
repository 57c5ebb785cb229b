"""Title and Markdown body of a ticket: read once by somebody who has never heard of perfd.

The body is rebuilt as a whole from the ticket and its evidence, so a tracker only ever replaces it.
Its parts answer, in this order: what and how much, who is hit, where the time went, what changed,
what it was not, what to do, how the fix is judged, how it stands; and a block for machines.
"""

from __future__ import annotations

from collections.abc import Callable

from perfd.model.evidence import Evidence
from perfd.model.ticket import Ticket
from perfd.tickets import sections, wording
from perfd.tickets.identity import about
from perfd.tickets.machine import machine_block
from perfd.tickets.markdown import code, plain

LONGEST_BODY = 60_000  # bytes; GitHub refuses 65,536 characters

Section = Callable[[Ticket, Evidence | None], str]
SECTIONS: tuple[Section, ...] = (
    sections.measurements,
    sections.impact,
    sections.hotspots,
    sections.calls,
    sections.exemplars,
    sections.changed,
    sections.ruled_out,
    sections.next_step,
    sections.judged,
)


def title_of(ticket: Ticket) -> str:
    """One line without markup: `pricing POST /quote: p95 41 ms → 72 ms (+76 %) since 1.1.0`."""
    where = " ".join(filter(None, (plain(ticket.service, 60), plain(about(ticket), 100))))
    return f"{where}: {_moved(ticket, interval=False)}{_since(ticket)}"


def body_of(ticket: Ticket, evidence: Evidence | None, base_url: str) -> str:
    """The Markdown body, at most 60 kB; what does not fit is on the evidence page."""
    parts = [claim_line(ticket), *(section(ticket, evidence) for section in SECTIONS)]
    ending = [sections.status(ticket, base_url), machine_block(ticket)]
    room = LONGEST_BODY - sum(_size(part) + 2 for part in ending)
    kept: list[str] = []
    for part in filter(None, parts):
        room -= _size(part) + 2
        if room >= 0:
            kept.append(part)
    return "\n\n".join([*kept, *ending]) + "\n"


def claim_line(ticket: Ticket) -> str:
    """The first line, in bold."""
    where = " ".join(code(name) for name in (ticket.service, about(ticket)) if name)
    since = f" since {code(ticket.suspects[0].version)}" if ticket.suspects else ""
    when = wording.moment(ticket.change_at)
    line = f"**{where}: {_moved(ticket, interval=True)}{since}, {when}**"
    if not ticket.provisional:
        return line
    return (
        f"{line}\n\n*Provisional: there was neither a day of history nor a concurrent old version "
        "to compare with. It will be judged again.*"
    )


def _moved(ticket: Ticket, *, interval: bool) -> str:
    name = plain(wording.metric_name(ticket.metric), 60)
    if ticket.before is None or ticket.after is None:
        return f"{name} changed"
    sides = wording.before_after(ticket.before, ticket.after, ticket.unit)
    if ticket.effect is None:
        return f"{name} {sides}"
    return f"{name} {sides} ({_effect(ticket, interval=interval)})"


def _since(ticket: Ticket) -> str:
    """The version that brought it; what nobody deployed has only its time."""
    if ticket.suspects:
        return f" since {plain(ticket.suspects[0].version, 60)}"
    return f" since {wording.moment(ticket.change_at)}" if ticket.trigger == "scan" else ""


def _effect(ticket: Ticket, *, interval: bool) -> str:
    effect = ticket.effect
    assert effect is not None
    if effect.ratio is None:
        return wording.effect_text(effect, ticket.unit)
    change, _, span = wording.percent_change(effect.ratio, effect.ci).partition(" (")
    if not interval or not span:
        return change
    return f"{change}, 95 % interval {span.removesuffix(')')}"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
