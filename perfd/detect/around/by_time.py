"""A change of unknown time as the deploy's filters know changes: with the time as its version.

What served before the change is one side and what served after it the other, whichever versions
these were. Where less than a day has passed since, or not whole days, the baseline is that of the
same hours of the day, so that a night is not compared with days.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from perfd.detect import measures
from perfd.detect.around.case import ScanCase
from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.detect.case import DeployCase
from perfd.detect.cells import Cells
from perfd.detect.columns import Array, summed
from perfd.detect.estimate import Comparison, compare_cells
from perfd.detect.scan.table import GAUGE
from perfd.detect.sides import DAY, Sides, by_operation
from perfd.model.deploy import Deploy
from perfd.model.finding import Interval
from perfd.model.series import STEADY, Series
from perfd.model.window import Gauge, Window

BEFORE, AFTER = "the time before", "the time since"  # what stands for versions

Part = TypeVar("Part", Window, Gauge)
Keep = Callable[[float], bool]
Side = tuple[Sequence[Window], Sequence[Gauge]]  # and the CPU seconds, for CPU per request


class Around(NamedTuple):
    """What the filters look at: what was read, and the change as the windows show it.

    `found` is the change beyond what is usual at each hour of the day.
    """

    case: ScanCase
    candidate: Candidate
    found: Comparison

    @property
    def variance(self) -> float:
        """Of the shift: the noise of requests, and between hours."""
        return self.found.spread.variance


def around(case: ScanCase) -> Around | None:
    """None where the windows do not hold the metric on both sides, as that of a resource."""
    subject, sides = case.subject, _sides(case)
    if subject.kind == GAUGE:
        return None
    old, new = (_of(side, subject.operation) for side in (sides.before, sides.after))
    bare = Candidate(
        _case(case, sides),
        sides,
        subject.operation,
        subject.metric,
        tuple(old),
        tuple(new),
        sides.cpu_before,
        sides.cpu_after,
        None,
        0.0,
    )
    cells = [
        measures.read(subject.metric, windows, cpu)
        for windows, cpu in ((old, sides.cpu_before), (new, sides.cpu_after))
        if windows
    ]
    if len(cells) < 2 or cells[0] is None or cells[1] is None:
        return None
    found = compare_cells(subject.metric, *_less_usual(cells[0], cells[1], case, cells[0]))
    told = dataclasses.replace(bare, comparison=found, significant=True, old=cells[0], new=cells[1])
    return Around(case, told, found)


def beyond_usual(
    case: ScanCase, metric: str, before: Side, after: Side, usual: Cells | None = None
) -> Comparison | None:
    """Some windows of either side, less what was usual at each hour of the day.

    That is what `usual` says, or the windows before.
    """
    old, new = (measures.read(metric, *side) if side[0] else None for side in (before, after))
    if old is None or new is None:
        return None
    return compare_cells(metric, *_less_usual(old, new, case, old if usual is None else usual))


def _sides(case: ScanCase) -> Sides:
    keep = _kept(case)
    requests = _told(case.requests, case, keep)
    cpu = _told(case.cpu, case, keep)
    hours = [_cells(span, case.width, keep) for span in (case.before, case.after)]
    return Sides(
        before=by_operation(_only(requests, BEFORE)),
        after=by_operation(_only(requests, AFTER)),
        older={},
        history={},
        cpu_before=tuple(_only(cpu, BEFORE)),
        cpu_after=tuple(_only(cpu, AFTER)),
        span_before=case.before,
        span_after=case.after,
        concurrent=False,
        provisional=False,
        lengths=(hours[0] * case.width, hours[1] * case.width),
    )


def _case(case: ScanCase, sides: Sides) -> DeployCase:
    """What the deploy's filters read: the change is a deploy of the time after it."""
    subject, keep = case.subject, _kept(case)
    deploy = Deploy(subject.service, subject.environment, AFTER, BEFORE, case.change.at)
    requests = (w for side in (sides.before, sides.after) for held in side.values() for w in held)
    return DeployCase(
        deploy=deploy,
        settings=msgspec.structs.replace(case.settings, floor=case.floor, floor_seconds=0.0),
        pace=case.pace,
        width=case.width,
        end=case.after[1],
        looks=0,
        opened="",
        requests=tuple(requests),
        instances=tuple(_told(case.instances, case, keep)),
        cpu=(*sides.cpu_before, *sides.cpu_after),
        hosts=case.hosts,
        by_metric=case.by_metric,
        unspoken=case.unspoken,
        earlier={
            days: tuple(w for w in held if keep(w.start)) for days, held in case.earlier.items()
        },
    )


def _of(side: dict[str, list[Window]], operation: str) -> list[Window]:
    if operation != ALL_OPERATIONS:
        return side.get(operation, [])
    return [w for held in side.values() for w in held]


# --- the same hours -------------------------------------------------------------------------------


def _kept(case: ScanCase) -> Keep:
    """Which starts count: those whose hour of the day was seen after the change.

    Of more than a day the last whole ones.
    """
    width, day = case.width, DAY / case.pace
    cells = max(round(day / width), 1)
    since, end = case.after
    if end - since >= day:
        since = end - (end - since) // day * day
    first, last = round(since / width), round(end / width)
    hours = {cell % cells for cell in range(first, last)}
    return lambda at: round(at / width) % cells in hours and not case.after[0] <= at < since


def _less_usual(old: Cells, new: Cells, case: ScanCase, usual: Cells) -> tuple[Cells, Cells]:
    """Both sides less what `usual` was at that hour of the day, so that no day is noise."""
    cells = max(round(DAY / case.pace / case.width), 1)
    known, *hours = (
        np.round(side.start / case.width).astype(np.int64) % cells for side in (usual, old, new)
    )
    total = summed(known, usual.n * (usual.y - usual.level), cells)
    daily = total / np.maximum(summed(known, usual.n, cells), 1.0)
    return _of_values(old, old.y - daily[hours[0]]), _of_values(new, new.y - daily[hours[1]])


def _of_values(cells: Cells, y: Array) -> Cells:
    return dataclasses.replace(cells, y=y, level=float(cells.n @ y / cells.total))


def _cells(span: Interval, width: float, keep: Keep) -> int:
    """How many cells of a span count."""
    first, last = round(span[0] / width), round(span[1] / width)
    return max(sum(keep(cell * width) for cell in range(first, last)), 1)


def _told(parts: Iterable[Part], case: ScanCase, keep: Keep) -> list[Part]:
    """The steady ones that count, with their side as the version."""
    known: dict[tuple[int, str], Series] = {}
    found: list[Part] = []
    for part in parts:
        side = side_of(part.start, case)
        if not side or not keep(part.start) or part.series.label.get("phase", STEADY) != STEADY:
            continue
        key = part.series.id, side
        if key not in known:
            known[key] = Series.of(part.series.name, **{**part.series.label, "version": side})
        found.append(dataclasses.replace(part, series=known[key]))
    return found


def side_of(at: float, case: ScanCase) -> str:
    """BEFORE, AFTER, or nothing where the time is of neither side."""
    if case.before[0] <= at < case.before[1]:
        return BEFORE
    return AFTER if case.after[0] <= at < case.after[1] else ""


def _only(parts: Iterable[Part], side: str) -> list[Part]:
    return [part for part in parts if part.series.label["version"] == side]
