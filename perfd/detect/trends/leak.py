"""A memory leak: processes of one version that grow since they started, and give nothing back.

A leak is in the program, so every process that runs it has it: at least half of those that have run
long enough must grow. One that grows alone among its peers is another matter (its users, its
shard), and its container or host is still watched for running full.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.trends.growth import Demand, Growth, growth
from perfd.detect.trends.theil_sen import Line, until
from perfd.model.finding import CONFIRMED, SUSPECTED, Check, Interval

Array = NDArray[np.float64]

Ends = tuple[float, Interval]
Rooms = Callable[[str], Sequence["Room"]]  # of an instance

AGREE = 0.5  # of the instances that have run long enough
SURE = 2  # times the least time: a cache of a day's requests has stopped to grow by then


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of memory: `left` bytes of `what` (a container's limit, a host).

    Instances whose rooms are equal share it.
    """

    left: float
    what: str


@dataclass(frozen=True, slots=True)
class Leak:
    """Which `instances` of a version grow, fastest first, and how the fastest does.

    `ends` are the hours until those that share `room`, the first to be full, have used it up, with
    their 95 % interval; None where nobody knows of any. `judged` have run long enough.
    """

    version: str
    instances: tuple[str, ...]
    judged: int
    growth: Growth
    room: Room | None
    ends: Ends | None
    checks: tuple[Check, ...]
    status: str

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return all(check.passed for check in self.checks)


def leak(version: str, lows: Mapping[str, Array], rooms: Rooms, demand: Demand) -> Leak | None:
    """Of the instances of one version, each with its lowest memory by the hour; now is the end.

    `rooms` is asked for what the growing ones live in. None where no instance grows.
    """
    judged = {name: g for name, x in lows.items() if (g := growth(x, demand)).checks[0].passed}
    growing = {name: g for name, g in judged.items() if g.grows}
    if not growing:
        return None
    names = tuple(sorted(growing, key=lambda name: -growing[name].line.slope))
    fastest = growing[names[0]]
    sure = SURE * demand.hours
    status = CONFIRMED if fastest.hours >= sure else SUSPECTED
    checks = (*fastest.checks, _agree(len(growing), len(judged)))
    room, ends = None, None
    if checks[-1].passed:
        room, ends = _ends(growing, rooms)
        checks = (*checks, lasted(fastest.hours, sure, ends))
    return Leak(version, names, len(judged), fastest, room, ends, checks, status)


def lasted(hours: int, sure: int, ends: Ends | None) -> Check:
    """Whether it has grown long enough to be sure, or memory may end before it has."""
    early = ends[1][0] if ends else math.inf
    passed = hours >= sure or hours + early <= sure
    verdict = f"it grows for {hours} hours; {sure} tell a leak from a cache that fills slowly"
    if math.isfinite(early):
        verdict += f"; memory may end in {early:.0f}"
    inputs: dict[str, float | int | str] = {"hours": hours, "sure": sure}
    return Check("lasted", passed, verdict, inputs)


def _agree(growing: int, judged: int) -> Check:
    verdict = f"{growing} of {judged} instances that have run long enough grow"
    inputs: dict[str, float | int | str] = {"growing": growing, "judged": judged}
    return Check("instances agree", growing >= AGREE * judged, verdict, inputs)


def _ends(growing: Mapping[str, Growth], rooms: Rooms) -> tuple[Room | None, Ends | None]:
    """The first room to be full, and when."""
    shared: defaultdict[Room, list[Growth]] = defaultdict(list)
    for name, grown in growing.items():
        for room in rooms(name):
            shared[room].append(grown)
    found = {room: _until_full(room, all_of) for room, all_of in shared.items()}
    if not found:
        return None, None
    first = min(found, key=lambda room: found[room][0])
    return first, found[first]


def _until_full(room: Room, growing: Sequence[Growth]) -> Ends:
    slope, low, high = (sum(of) for of in zip(*(g.line[:3] for g in growing), strict=True))
    about = math.sqrt(sum(g.about**2 for g in growing))
    return until(Line(slope, low, high, 0.0), 0.0, max(room.left, 0.0), about)
