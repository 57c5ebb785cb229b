"""Profiles to windows of interned stacks.

An upload belongs to the window that holds its midpoint: it cannot be split, since a sample does not
say when it was taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from perfd.aggregate.cardinality import Cap, Cardinality
from perfd.aggregate.grid import FUTURE_SECONDS
from perfd.aggregate.settings import AggregateSettings
from perfd.aggregate.stack_table import OTHER, Room, StackTable
from perfd.aggregate.warmup import Warmup
from perfd.interfaces import Meter
from perfd.model.profile import PROFILE, Profile, ProfileWindow, Symbols, Weight
from perfd.model.series import Resource, Series
from perfd.model.times import floor_to

# The store's horizon is 120 minutes; one less, so that what is taken here is not refused there.
HOT_MINUTES = 119
HOUR_MINUTES = 60

_ALL_OTHER = (OTHER,)


class Bounds(NamedTuple):
    """What may be remembered of all services together, 400 bytes a node; and of one."""

    nodes: int = 100_000
    service_nodes: int = 25_000
    open_stacks: int = 200_000
    service_types: int = 32  # Pyroscope knows 29


class _Open:
    """A window that can still grow: leaf -> [value, hits]."""

    __slots__ = ("cumulative", "duration", "unit", "uploads", "weights")

    def __init__(self, profile: Profile) -> None:
        self.unit = profile.unit
        self.cumulative = profile.cumulative
        self.weights: dict[int, list[int]] = {}
        self.duration = 0.0
        self.uploads = 0

    def window(self, series: Series, start: float, width: float) -> ProfileWindow:
        """What it holds by now."""
        weights = {leaf: Weight(*held) for leaf, held in self.weights.items()}
        return ProfileWindow(
            *(series, start, width, self.unit, weights),
            *(self.duration, self.uploads, self.cumulative),
        )


class ProfileAggregate:
    """The open windows of profiles; `minute` is the width of a window in seconds.

    `cardinality` is that of the other aggregates, so that all agree about labels.
    """

    def __init__(
        self,
        settings: AggregateSettings,
        *,
        minute: float,
        warmup: Warmup,
        meter: Meter,
        cardinality: Cardinality | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
    ) -> None:
        self._minute = minute
        self._warmup = warmup
        self._meter = meter
        self._cardinality = cardinality or Cardinality(settings)
        self._bounds = bounds
        types = (settings.max_services * bounds.service_types, bounds.service_types)
        self._types = Cap(types, settings.series_idle)
        self._tables: dict[str, StackTable] = {}
        self._tables_since = float("-inf")
        self._room = Room(bounds.nodes)
        self._open: dict[tuple[Series, float], _Open] = {}
        self._weights = 0
        self._symbols = Symbols()

    def add(self, profiles: Iterable[Profile], now: float) -> int:
        """Take uploads into their windows.

        Returns how many items were taken; the others are counted as dropped, by reason.
        """
        self._begin_anew(now)
        taken = 0
        for profile in profiles:
            reason = self._add(profile, now)
            if reason:
                self._meter.count(
                    "perfd_dropped_items",
                    profile.items,
                    stage="aggregate",
                    signal="profiles",
                    reason=reason,
                )
            else:
                taken += profile.items
        return taken

    def take(self) -> tuple[tuple[ProfileWindow, ...], Symbols]:
        """Everything since the last take, and the dictionary that it needs."""
        opened, self._open = self._open, {}
        symbols, self._symbols = self._symbols, Symbols()
        self._weights = 0
        windows = [
            held.window(series, start, self._minute) for (series, start), held in opened.items()
        ]
        return tuple(windows), symbols

    def _add(self, profile: Profile, now: float) -> str:
        """Take one upload; the reason if it is not taken."""
        start = floor_to(profile.start + profile.duration / 2, self._minute)
        if start < now - HOT_MINUTES * self._minute:
            return "late"
        if start > now + FUTURE_SECONDS:
            return "future"
        labels = self._cardinality.resource(profile.resource, now)
        if not self._types.admit((labels.service, f"{profile.type}\0{profile.sampler}"), now):
            return "types"
        series = self._series(labels, profile)
        held = self._open.setdefault((series, start), _Open(profile))
        if (held.unit, held.cumulative) != (profile.unit, profile.cumulative):
            return "unit"
        held.duration += profile.duration
        held.uploads += 1
        self._weigh(held, profile, self._table(labels.service))
        return ""

    def _weigh(self, held: _Open, profile: Profile, table: StackTable) -> None:
        folded = 0
        for stack, value, hits in profile.samples:
            leaf, fits = table.intern(stack)
            weight = held.weights.get(leaf)
            if weight is None and self._weights >= self._bounds.open_stacks:
                leaf, fits = table.intern(_ALL_OTHER)[0], False
                weight = held.weights.get(leaf)
            if weight is None:
                weight = held.weights[leaf] = [0, 0]
                self._weights += 1
                table.describe(leaf, self._symbols)
            weight[0] += value
            weight[1] += hits
            folded += not fits
        if folded:
            self._meter.count("perfd_overflowed_items", folded, signal="profiles", what="stacks")

    def _series(self, labels: Resource, profile: Profile) -> Series:
        self._warmup.seen(labels, profile.start)
        # Two samplers see the same program differently, so their stacks are never put together.
        sampler = {"sampler": profile.sampler} if profile.sampler else {}
        return Series.of(
            PROFILE,
            service=labels.service,
            version=labels.version,
            environment=labels.environment,
            type=profile.type,
            phase=self._warmup.phase(labels, profile.start),
            **sampler,
        )

    def _table(self, service: str) -> StackTable:
        table = self._tables.get(service)
        if table is None:
            table = self._tables[service] = StackTable(self._bounds.service_nodes, self._room)
        return table

    def _begin_anew(self, now: float) -> None:
        if abs(now - self._tables_since) >= HOUR_MINUTES * self._minute:
            self._tables.clear()
            self._room = Room(self._bounds.nodes)
            self._tables_since = now
