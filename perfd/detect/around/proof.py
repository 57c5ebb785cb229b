"""The proof of a change of unknown time: that of a deploy, with its time as the version."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from perfd.detect.around.by_time import Around, side_of
from perfd.detect.around.case import ScanCase
from perfd.detect.evidence import evidence
from perfd.detect.findings import Tried
from perfd.detect.rows import THROUGHPUT
from perfd.detect.sides import Sides
from perfd.detect.timeline import timeline
from perfd.detect.tracks import tracks
from perfd.model.evidence import Evidence, MetricRow
from perfd.model.finding import Estimate, Finding
from perfd.model.histogram import EMPTY
from perfd.model.profile import ProfileWindow, Symbols
from perfd.model.series import Series
from perfd.model.window import Gauge, Window

Part = TypeVar("Part", Window, ProfileWindow)

NO_REQUESTS = "the change is one of a resource, not of requests"


@dataclass(frozen=True, slots=True)
class Beside:
    """What only a ticket needs: profiles and their symbols, exemplars, gauges of the machines."""

    profiles: Sequence[ProfileWindow] = ()
    symbols: Symbols = dataclasses.field(default_factory=Symbols)
    exemplars: Sequence[Window] = ()
    gauges: tuple[Gauge, ...] = ()


def proof(around: Around, beside: Beside, found: Finding) -> Evidence:
    """Everything about the operation before and after the change."""
    case, candidate = around.case, around.candidate
    told = dataclasses.replace(
        candidate.case,
        profiles=tuple(sided(beside.profiles, case)),
        symbols=beside.symbols,
        exemplars=tuple(sided(beside.exemplars, case)),
        resources=beside.gauges,
    )
    tried = Tried(dataclasses.replace(candidate, case=told), found.checks)
    held = evidence(tried, [tried], found)
    return dataclasses.replace(
        held,
        rows=tuple(_row(row, candidate.sides) for row in held.rows),
        profile_note=held.profile_note.replace("either version", "either side"),
        timeline=timeline(case.requests, candidate.operation),
    )


def bare_proof(beside: Beside, found: Finding) -> Evidence:
    """Of a resource there are its two levels and what else was read of the machines."""
    rows: tuple[MetricRow, ...] = ()
    if found.before and found.after and found.effect:
        sides = found.before, found.after, found.effect
        rows = (MetricRow(found.metric, found.unit, *sides, significant=True, decisive=True),)
    return Evidence(
        finding_id=found.id,
        rows=rows,
        histogram_before=EMPTY,
        histogram_after=EMPTY,
        timeline=(),
        hotspots=(),
        flame=(),
        calls=(),
        exemplars_before=(),
        exemplars_after=(),
        resources=tracks(beside.gauges),
        checks=found.checks,
        rule=None,
        profile_note=NO_REQUESTS,
    )


def measured(around: Around, found: Finding) -> Finding:
    """The finding by what the windows show at the same hours, as a fix will be measured."""
    compared = around.found
    return dataclasses.replace(
        found,
        before=nameless(compared.before),
        after=nameless(compared.after),
        effect=compared.effect,
    )


def sided(parts: Iterable[Part], case: ScanCase) -> list[Part]:
    """Those of either side, with the side as their version."""
    found = []
    for part in parts:
        side = side_of(part.start, case)
        if side:
            series = Series.of(part.series.name, **{**part.series.label, "version": side})
            found.append(dataclasses.replace(part, series=series))
    return found


def nameless(side: Estimate) -> Estimate:
    """A side that is told by time has no version."""
    return dataclasses.replace(side, version="")


def _row(row: MetricRow, sides: Sides) -> MetricRow:
    """Sides may leave out hours of the day, which is no lack of requests."""
    told = nameless(row.before), nameless(row.after)
    if row.metric == THROUGHPUT:
        told = _rate(told[0], sides.lengths, 0), _rate(told[1], sides.lengths, 1)
        absolute = told[1].value - told[0].value
        ratio = told[1].value / told[0].value if told[0].value > 0.0 else None
        effect = dataclasses.replace(row.effect, ratio=ratio, absolute=absolute)
        row = dataclasses.replace(row, effect=effect)
    return dataclasses.replace(row, before=told[0], after=told[1])


def _rate(side: Estimate, lengths: tuple[float, float] | None, number: int) -> Estimate:
    """Requests by the seconds that were read."""
    scale = (side.end - side.start) / lengths[number] if lengths else 1.0
    low, high = side.ci
    return dataclasses.replace(side, value=side.value * scale, ci=(low * scale, high * scale))
