"""The report of a backtest for a person: findings, what would have been opened, what would not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

Report = Mapping[str, Any]

LARGE = 1e4
SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
MOST = 30  # lines of a list; the whole of it is in --json


def lines(report: Report) -> Iterator[str]:
    """Verdict first, then what it rests on, then what was not judged, then the count."""
    yield from _opened(report["would_open"])
    yield from _list("Findings", [_finding(one) for one in report["findings"]])
    yield from _list("Trends, which are not steps", [_finding(one) for one in report["trends"]])
    held = [
        f"{one['series']}  {one['at'][:16]}Z  {one['filter']}: {one['reason']}"
        for one in report["held_back"]
    ]
    yield from _list("Held back", held)
    for key, title in (("not_judged", "Not judged"), ("left_out", "Left out")):
        yield from _list(title, [f"{one['series']}: {one['reason']}" for one in report[key]])
    yield _summary(report)


def size(found: Report) -> str:
    """The ratio and its interval; without a level before there is none."""
    low, high = found["ci"]
    if found["ratio"] is None:
        return "from nothing"
    return f"×{_digits(found['ratio'])} ({_digits(low)} to {_digits(high)})"


def level(value: float) -> str:
    """Four digits; of large numbers with their letter."""
    if abs(value) < LARGE:
        return f"{value:.4g}"
    size, letter = next(pair for pair in SIZES if abs(value) >= pair[0])
    return f"{value / size:.4g}{letter}"


def _digits(ratio: float) -> str:
    return f"{ratio:.3f}" if ratio < 10.0 else f"{ratio:.3g}"


def _opened(tickets: Sequence[Report]) -> Iterator[str]:
    if not tickets:
        yield "perfd would have opened no ticket."
        return
    yield f"perfd would have opened {len(tickets)} ticket{'s' * (len(tickets) > 1)}:"
    for ticket in tickets:
        opened, since = f"{ticket['opened_at'][:16]}Z", f"{ticket['at'][:16]}Z"
        yield f"  {opened}  {ticket['service']}: {_change(ticket)} since {since}"
        if ticket["also"]:
            rest = len(ticket["also"]) - 3
            more = f" and {rest} more" if rest > 0 else ""
            yield f"      also {', '.join(ticket['also'][:3])}{more}"


def _list(title: str, entries: Sequence[str]) -> Iterator[str]:
    if not entries:
        return
    yield f"{title} ({len(entries)}):"
    yield from (f"  {entry}" for entry in islice(entries, MOST))
    if len(entries) > MOST:
        yield f"  and {len(entries) - MOST} more; --json has them all"


def _finding(found: Report) -> str:
    at, counts = f"{found['at'][:16]}Z", found["counts"]
    requests = f"  {counts[0]:,.0f} and {counts[1]:,.0f} requests" if counts else ""
    return f"{found['status']:<10} {at}  {_change(found)}{requests}  p {found['p']:.1g}"


def _change(found: Report) -> str:
    deploy = f", with the deploy of {found['deploy']['version']}" if found["deploy"] else ""
    levels = f"{level(found['before'])} → {level(found['after'])}"
    return f"{found['series']}  {levels}  {size(found)}{deploy}"


def _summary(report: Report) -> str:
    found: Iterable[Report] = report["findings"]
    confirmed = sum(one["status"] == "confirmed" for one in found)
    return (
        f"{report['series']} series, {report['evaluations']} evaluations: {confirmed} confirmed, "
        f"{len(report['findings']) - confirmed} suspected, {len(report['trends'])} trends, "
        f"{len(report['held_back'])} held back"
    )
