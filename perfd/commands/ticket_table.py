"""Tickets in a terminal: a table for a person, plain columns for a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from perfd.tickets.markdown import clean
from perfd.tickets.wording import band, count, percent_change, quantity, scale_of

HEAD = ("ticket", "state", "service", "operation", "change", "since", "opened")

Ticket = Mapping[str, Any]


def print_table(tickets: Sequence[Ticket], out: TextIO) -> None:
    """One line a ticket."""
    if not tickets:
        print(
            "No tickets. perfd opens one when a deploy makes a service slower, costlier or wrong.",
            file=out,
        )
        return
    rows = [_row(ticket) for ticket in tickets]
    if out.isatty():
        _rich(rows, out)
        return
    for row in (HEAD, *rows):
        print("\t".join(row), file=out)


def print_ticket(ticket: Ticket, out: TextIO) -> None:
    """Everything one needs at a terminal; the rest is at the URL."""
    for name, value in _facts(ticket):
        print(f"{name:<12} {value}", file=out)


def _row(ticket: Ticket) -> tuple[str, ...]:
    return (
        ticket["id"],
        ticket["state"],
        clean(ticket["service"], 40),
        clean(ticket["operation"], 60),
        f"{clean(ticket['metric'], 40)} {_change(ticket)}".rstrip(),
        _suspect(ticket),
        ticket["opened_at"][:16].replace("T", " "),
    )


def _facts(ticket: Ticket) -> Iterator[tuple[str, str]]:
    where = f"{clean(ticket['service'])} {clean(ticket['operation'])}".strip()
    yield ticket["id"], f"{where}: {clean(ticket['metric'], 40)} {_change(ticket)}"
    yield "state", _state(ticket)
    yield "since", f"{_suspect(ticket)} at {ticket['change']['at']}".strip()
    for hotspot in ticket["hotspots"][:3]:
        delta = hotspot["per_request"]["delta"]
        sign = "−" if delta < 0 else "+"
        place = f"{clean(hotspot['function'])} {clean(hotspot['file'])}:{hotspot['line']}"
        yield "hotspot", f"{sign}{quantity(abs(delta), 's')} CPU per request  {place}"
    rule = ticket["verification"].get("rule")
    if rule:
        bound = band(rule["low"], rule["high"], rule["unit"])
        yield (
            "fixed when",
            f"{rule['metric']} is inside {bound}, {count(rule['min_count'])} requests",
        )
    if ticket["verification"].get("text"):
        yield "verdict", clean(ticket["verification"]["text"], 1_000)
    for reference in ticket["references"]:
        yield "mirrored", clean(f"{reference['tracker']}: {reference['url']}", 500)
    for entry in ticket["history"][-5:]:
        words = clean(f"{entry['event']} by {entry['actor']}: {entry['text']}", 300)
        yield entry["at"][5:16].replace("T", " "), words
    yield "read on", clean(ticket["url"], 500)


def _state(ticket: Ticket) -> str:
    words = str(ticket["state"])
    if ticket["resolution"]:
        words += f" ({ticket['resolution']})"
    if ticket["provisional"]:
        words += ", provisional"
    return words


def _change(ticket: Ticket) -> str:
    before, after, effect = ticket["before"], ticket["after"], ticket["effect"]
    if not before or not after or before["value"] is None or after["value"] is None:
        return ""
    scale = scale_of(ticket["unit"], before["value"], after["value"])
    sides = " → ".join(
        quantity(side["value"], ticket["unit"], tuple(side["ci"]), scale)
        for side in (before, after)
    )
    ratio = effect["ratio"] if effect else None
    return f"{sides} ({percent_change(ratio)})" if ratio is not None else sides


def _suspect(ticket: Ticket) -> str:
    return clean(ticket["suspects"][0]["version"], 40) if ticket["suspects"] else ""


def _rich(rows: Sequence[tuple[str, ...]], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"open": "red", "verifying": "yellow", "verified": "green", "muted": "dim"}
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in HEAD:
        table.add_column(name)
    for row in rows:
        style = colours.get(row[1], "")
        table.add_row(*(Text(cell, style if at == 1 else "") for at, cell in enumerate(row)))
    Console(file=out).print(table)
