"""A memory leak: processes of one version that grow since they started, and give nothing back.

A leak is in the program, so every process that runs it has it: at least half of those that have run
long enough must grow. One that grows alone among its peers is another matter (its users, its
shard), and its container or host is still watched for running full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfd.detect.trends.growth import Demand, Growth, growth
from perfd.detect.trends.theil_sen import until
from perfd.model.finding import CONFIRMED, SUSPECTED, Check, Interval

Array = NDArray[np.float64]

AGREE = 0.5  # of the instances that have run long enough
SURE = 2  # times the least time: a cache of a day's requests has stopped to grow by then


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of memory: `left` bytes of `what` (a container's limit, a host)."""

    left: float
    what: str


@dataclass(frozen=True, slots=True)
class Leak:
    """Which `instances` of a version grow, fastest first, and how the fastest does.

    `ends` are the hours until it has used up `room`, with their 95 % interval; None where nobody
    knows how much room there is. `judged` is how many have run long enough.
    """

    version: str
    instances: tuple[str, ...]
    judged: int
    growth: Growth
    room: Room | None
    ends: tuple[float, Interval] | None
    checks: tuple[Check, ...]
    status: str

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return all(check.passed for check in self.checks)


def leak(
    version: str, lows: Mapping[str, Array], rooms: Mapping[str, Room], demand: Demand
) -> Leak | None:
    """Of the instances of one version, each with its lowest memory by the hour; now is the end.

    None where no instance grows.
    """
    all_grown = {name: growth(x, demand) for name, x in lows.items()}
    judged = {name: g for name, g in all_grown.items() if g.checks[0].passed}
    growing = sorted(
        (name for name, g in judged.items() if g.grows), key=lambda n: -judged[n].line.slope
    )
    if not growing:
        return None
    fastest = judged[growing[0]]
    room = rooms.get(growing[0])
    status = CONFIRMED if fastest.hours >= SURE * demand.hours else SUSPECTED
    checks = (*fastest.checks, _agree(len(growing), len(judged)))
    ends = until(fastest.line, 0.0, max(room.left, 0.0), fastest.about) if room else None
    return Leak(version, tuple(growing), len(judged), fastest, room, ends, checks, status)


def _agree(growing: int, judged: int) -> Check:
    verdict = f"{growing} of {judged} instances that have run long enough grow"
    inputs: dict[str, float | int | str] = {"growing": growing, "judged": judged}
    return Check("instances agree", growing >= AGREE * judged, verdict, inputs)
