"""Shares that changed at one time, judged together: one of them is what a ticket would be about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from perfd.detect.functions.balance import balanced
from perfd.detect.functions.comparison import compare
from perfd.detect.functions.composition import usual
from perfd.detect.functions.judge import Judged, judge
from perfd.detect.functions.rise import Cost, Rise
from perfd.detect.functions.scan import Found
from perfd.detect.functions.settings import FunctionSettings
from perfd.detect.functions.table import Array, FunctionTable
from perfd.detect.functions.tree import Tree
from perfd.detect.scan.look import BATCHES
from perfd.detect.scan.noise import long_run

MOST = 30  # rises of one time that are looked at, the largest; others are those above and beside
NEAR = 6  # cells between times that are one
QUANTUM = 0.002  # of CPU per request in a cell


@dataclass(frozen=True, slots=True)
class Group:
    """Rises at one time: `at` is that of the surest."""

    at: int
    at_ci: tuple[int, int]
    members: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of a service around a change; see Rise."""

    tree: Tree
    cost: Cost | None = None
    requests: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def groups(found: Iterable[Found]) -> list[Group]:
    """Rises whose intervals of time overlap, or whose times are near, the surest first."""
    rising = sorted((f for f in found if f.seen.step.shift > 0.0), key=lambda f: f.seen.step.p)
    made: list[list[Found]] = []
    for one in rising:
        home = next((members for members in made if _together(members[0], one)), None)
        if home is None:
            made.append([one])
        else:
            home.append(one)
    return [
        Group(members[0].seen.step.at, members[0].seen.step.at_ci, tuple(members))
        for members in made
    ]


def judged(
    group: Group, table: FunctionTable, around: Around, settings: FunctionSettings
) -> list[tuple[Found, Judged]]:
    """Each rise of the group with its trail, the largest first."""
    middle, level = usual(table.own, table.samples, group.at), balanced(around.tree)
    rises: list[tuple[Found, Rise]] = []
    for found in group.members:
        counts = compare(counted(table, found), table.samples, group.at)
        if counts is not None:
            function = table.functions[found.function]
            rises.append(
                (
                    found,
                    Rise(
                        function=function,
                        own=found.own,
                        counts=counts,
                        tree=around.tree,
                        level=level,
                        usual=middle,
                        cost=around.cost,
                        settings=settings,
                        requests=around.requests,
                    ),
                )
            )
    rises.sort(key=lambda pair: (not pair[0].own, -pair[1].counts.delta))
    return [(found, judge(rise, found.seen.step.checks)) for found, rise in rises[:MOST]]


def counted(table: FunctionTable, found: Found) -> Array:
    """The samples of a row."""
    row: Array = (table.own if found.own else table.total)[found.function]
    return row


def cost(spent: Array, requests: Array, at: int) -> Cost | None:
    """CPU seconds per request by cell, before and after a cell; None where a side has none."""
    told = np.isfinite(spent) & (spent > 0.0) & (requests > 0.0)
    sides = told[:at].sum(), told[at:].sum()
    if min(sides) == 0:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(told, np.log(spent), 0.0)
    levels = [
        float(np.average(spent[side][told[side]], weights=requests[side][told[side]]))
        for side in (slice(0, at), slice(at, None))
    ]
    usual_level = [logs[side][told[side]].mean() for side in (slice(0, at), slice(at, None))]
    error = logs - np.where(np.arange(len(logs)) < at, *usual_level)
    noise = float(long_run(error[None], told[None].astype(float), QUANTUM, BATCHES)[0])
    return Cost(levels[0], levels[1], noise * float(np.sqrt(1.0 / sides[0] + 1.0 / sides[1])))


def asked(
    counts: Mapping[str, Array], at: int, cells: Sequence[int]
) -> dict[str, tuple[float, float]]:
    """Requests by operation on both sides of a cell, between the first and last of `cells`."""
    first, last = cells
    return {
        operation: (float(np.nansum(n[first:at])), float(np.nansum(n[at:last])))
        for operation, n in counts.items()
    }


def _together(one: Found, other: Found) -> bool:
    (low, high), (begin, end) = one.seen.step.at_ci, other.seen.step.at_ci
    near = abs(one.seen.step.at - other.seen.step.at) <= NEAR
    return near or (low <= end and begin <= high)
