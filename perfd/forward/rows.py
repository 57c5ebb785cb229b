"""The rows of a shipment: one struct for each kind, and the list of series that they refer to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import msgspec

from perfd.errors import BadInput
from perfd.model.exemplar import Exemplar
from perfd.model.histogram import Histogram
from perfd.model.partial import Partial
from perfd.model.profile import ProfileWindow, Weight
from perfd.model.series import Series
from perfd.model.window import Gauge, Window

_MOST = (1 << 63) - 1
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
_Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]  # of a minute
_Value = Annotated[int, msgspec.Meta(ge=-_MOST, le=_MOST)]

Entry = tuple[str, list[tuple[str, str]]]


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    series: _Count
    number: _Number
    revision: _Count


class WindowRow(_Row):
    """Requests of a minute."""

    count: _Count
    errors: _Count
    measured: _Count
    zeros: _Count
    total: float
    log_total: float
    log_square: float
    buckets: dict[Annotated[int, msgspec.Meta(ge=-(1 << 20), le=1 << 20)], _Count]

    def item(self, series: Series, start: float, width: float) -> Window:
        """The window."""
        sums = self.total, self.log_total, self.log_square
        _check(*sums)
        histogram = Histogram(self.buckets, self.zeros, self.measured, *sums)
        return Window(series, start, width, self.count, self.errors, histogram)


class GaugeRow(_Row):
    """Readings of a minute."""

    count: Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
    total: float
    low: float
    high: float

    def item(self, series: Series, start: float, width: float) -> Gauge:
        """The gauge."""
        _check(self.total, self.low, self.high)
        return Gauge(series, start, width, self.count, self.total, self.low, self.high)


class ProfileRow(_Row):
    """Stacks of a minute: leaves, and what each weighs."""

    unit: Annotated[str, msgspec.Meta(max_length=256)]
    cumulative: bool
    duration: float
    uploads: _Count
    nodes: list[_Count]
    values: list[_Value]
    hits: list[_Count]

    def item(self, series: Series, start: float, width: float) -> ProfileWindow:
        """The profile."""
        _check(self.duration)
        if not len(self.nodes) == len(self.values) == len(self.hits):
            raise BadInput("a profile has columns of different length")
        weights = dict(zip(self.nodes, map(Weight, self.values, self.hits), strict=True))
        facts = self.duration, self.uploads, self.cumulative
        return ProfileWindow(series, start, width, self.unit, weights, *facts)


class ShownRow(_Row):
    """Exemplars of an hour, at its first minute."""

    exemplars: Annotated[list[Exemplar], msgspec.Meta(min_length=1, max_length=64)]

    def item(self, series: Series, start: float, width: float) -> Window:
        """A window without counts."""
        _check(*(n for e in self.exemplars for n in (e.priority, e.start, e.duration)))
        _check(*(n for e in self.exemplars for s in e.spans for n in (s.start, s.duration)))
        return Window(series, start, width, 0, 0, exemplars=tuple(self.exemplars))


class Book:
    """Series by their place in the body."""

    def __init__(self) -> None:
        self._places: dict[Series, int] = {}

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Sequence[Series]:
        """The series of a body."""
        return [Series(name, tuple(sorted(labels))) for name, labels in entries]

    def place(self, series: Series) -> int:
        """Where a series is, or will be."""
        return self._places.setdefault(series, len(self._places))

    def entries(self) -> list[Entry]:
        """All of them as they travel."""
        return [(series.name, list(series.labels)) for series in self._places]


class Rows:
    """Rows by kind."""

    def __init__(self) -> None:
        self.windows: list[WindowRow] = []
        self.gauges: list[GaugeRow] = []
        self.profiles: list[ProfileRow] = []
        self.shown: list[ShownRow] = []

    def add(self, partial: Partial, book: Book, width: float) -> None:
        """Take one in."""
        item = partial.item
        head = book.place(item.series), round(item.start / width), partial.revision
        match item:
            case ProfileWindow():
                self.profiles.append(_profile(head, item))
            case Gauge():
                self.gauges.append(GaugeRow(*head, item.count, item.total, item.low, item.high))
            case Window(exemplars=()):
                self.windows.append(_window(head, item))
            case _:
                self.shown.append(ShownRow(*head, list(item.exemplars)))


def rows_of(
    rows: Iterable[WindowRow | GaugeRow | ProfileRow | ShownRow],
    book: Sequence[Series],
    width: float,
) -> Iterator[Partial]:
    """Partials again; a minute's start is computed from its number, as the stores do."""
    for row in rows:
        yield Partial(row.revision, row.item(book[row.series], row.number * width, width))


def _window(head: tuple[int, int, int], item: Window) -> WindowRow:
    h = item.histogram
    sums = h.total, h.log_total, h.log_square
    return WindowRow(*head, item.count, item.errors, h.count, h.zeros, *sums, dict(h.buckets))


def _profile(head: tuple[int, int, int], item: ProfileWindow) -> ProfileRow:
    values, hits = [w.value for w in item.weights.values()], [w.hits for w in item.weights.values()]
    return ProfileRow(
        *head,
        item.unit,
        item.cumulative,
        item.duration,
        item.uploads,
        list(item.weights),
        values,
        hits,
    )


def _check(*numbers: float) -> None:
    if not all(map(math.isfinite, numbers)):
        raise BadInput("the body holds a sum that is not a number")
