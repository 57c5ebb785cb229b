"""Rows of other writers: whole partials with a revision, taken in any order and at any age.

While a minute is hot the row itself has its revision. A packed hour keeps those of its minutes
beside them (`stamps.py`), so a late row finds its place there too: a minute that the hour does not
have is added, one with a smaller revision is replaced, anything else was overtaken. Only a profile
cannot be replaced once it is packed, since ten of its minutes have become one window; an agent
sends a minute when it is complete, so that takes a late upload and an outage of hours together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from perfd.interfaces import Meter
from perfd.model.partial import Partial
from perfd.model.profile import ProfileWindow
from perfd.model.series import Series
from perfd.model.window import Gauge, Window
from perfd.store.grid import MINUTES_PER_HOUR, PROFILE_MINUTES, Grid
from perfd.store.increments import Item, Kind, outside


class Revised(NamedTuple):
    """A partial as it is stored, and its revision."""

    revision: int
    item: Any


class Placed(NamedTuple):
    """A partial of another writer, and where it belongs."""

    kind: Kind
    series: Series
    number: int
    row: Revised


def placed(partials: Iterable[Partial], grid: Grid, meter: Meter) -> Iterator[Placed]:
    """The rows that can be stored; others (no sane time, too large to add up) are counted."""
    for revision, item in ((p.revision, p.item) for p in partials):
        kind, number = kind_of(item), grid.number(item.start)
        if kind == Kind.EXEMPLAR:
            number = number // MINUTES_PER_HOUR * MINUTES_PER_HOUR
        reason = outside(number, item)
        if reason:
            count(meter, kind, reason, 1)
        else:
            yield Placed(kind, item.series, number, Revised(revision, item))


def kind_of(item: Item) -> Kind:
    """The kind of row that an item is; exemplars are windows that have nothing else."""
    match item:
        case ProfileWindow():
            return Kind.PROFILE
        case Gauge():
            return Kind.GAUGE
        case Window(exemplars=()):
            return Kind.WINDOW
    return Kind.EXEMPLAR


def count(meter: Meter, kind: Kind, reason: str, rows: int) -> None:
    """Rows of another writer that were not stored."""
    if rows:
        labels = {"stage": "absorb", "signal": f"{kind}s", "reason": reason}
        meter.count("perfd_dropped_items", rows, **labels)


def amend(
    kind: Kind,
    minutes: dict[int, Any],
    stamps: dict[int, int],
    news: Mapping[int, Revised],
) -> int:
    """Bring an hour up to date, by minute of the hour; returns how many rows could not be taken."""
    refused = 0
    for minute, (revision, item) in news.items():
        known = stamps.get(minute)
        if known is not None and revision <= known:
            continue
        if kind != Kind.PROFILE:
            minutes[minute] = item
        elif known is None:
            window = minute // PROFILE_MINUTES * PROFILE_MINUTES
            held = minutes.get(window)
            minutes[window] = item if held is None else held.merge(item)
        else:
            refused += 1
            continue
        stamps[minute] = revision
    return refused
