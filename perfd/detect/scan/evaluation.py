"""One evaluation of one service: what moved, what waits, what was dropped, what is remembered."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.scan.findings import Moved
from perfd.detect.scan.levels import Levels
from perfd.detect.scan.memory import Memory, Remembered, first_cell, recalled, remembered
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.table import RATE, Table
from perfd.detect.scan.track import Seen, Track
from perfd.detect.scan.walk import History, Walk

FRESH = 0.5  # of the cells since the last evaluation that must say something, for a new look


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`said` is confirmed, a trend or over; `waiting` was seen; `gone` waited, and is not there.

    `judged` of `series` had history enough to be tested.
    """

    memory: Memory
    said: tuple[Moved, ...] = ()
    waiting: tuple[Moved, ...] = ()
    gone: tuple[Moved, ...] = ()
    series: int = 0
    judged: int = 0

    @property
    def p_values(self) -> list[float]:
        """Of all steps that stand at this evaluation."""
        return [moved.seen.step.p for moved in (*self.said, *self.waiting)]


def evaluate(
    memory: Memory,
    tables: Sequence[Table],
    deploys: Sequence[float],
    settings: ScanSettings,
    pace: float,
) -> Evaluation:
    """One look at the tables of a service, which all end with the same cell.

    `memory` is that of the last one (a new one's `begun` is this look's end); `deploys` are times.
    """
    parts = [_look(memory, table, deploys, settings, pace) for table in tables if len(table)]
    upto = max((first_cell(table) + table.cells for table in tables), default=memory.upto)
    kept = tuple(kept for part in parts for kept in part.kept)
    return Evaluation(
        Memory(memory.service, memory.environment, memory.begun, upto, kept),
        tuple(moved for part in parts for moved in part.said),
        tuple(moved for part in parts for moved in part.waiting),
        tuple(moved for part in parts for moved in part.gone),
        sum(len(table) for table in tables),
        sum(part.judged for part in parts),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    kept: tuple[Remembered, ...]
    said: tuple[Moved, ...]
    waiting: tuple[Moved, ...]
    gone: tuple[Moved, ...]
    judged: int


def _look(
    memory: Memory, table: Table, deploys: Sequence[float], settings: ScanSettings, pace: float
) -> _Part:
    before = recalled(memory, table)
    near = _cells(table, deploys)
    begun = memory.begun - first_cell(table)
    of_rows = dict.fromkeys(range(len(table)), near)
    walk = Walk(history_of(table, settings, pace), settings, of_rows, before, begun)
    stale = _stale(memory, table)
    said = [seen for seen in walk.look(table.cells) if seen.series not in stale]
    tracks = {i: track for i, track in walk.tracks.items() if i not in stale}
    tracks |= {i: track for i, track in before.items() if i in stale}
    waiting = {i: track.pending for i, track in tracks.items() if track.pending and i not in stale}
    told = {seen.series for seen in said if seen.over is None} | waiting.keys()
    return _Part(
        tuple(remembered(tracks, table)),
        _moved(table, said),
        _moved(table, waiting.values()),
        _moved(table, _pending(before, told | stale)),
        int((_known(table) >= settings.fewest).sum()),
    )


def history_of(table: Table, settings: ScanSettings, pace: float) -> History:
    """The test that fits what a table measures.

    A cell is an hour of paced time, so a season of a day is one of 24 cells at any pace.
    """
    if table.subjects[0].kind == RATE:
        return Shares(table.first, table.second, settings)
    return Levels(table.first, table.start * pace, table.width * pace, settings)


def _cells(table: Table, times: Iterable[float]) -> list[int]:
    return [math.floor((at - table.start) / table.width) for at in times]


def _stale(memory: Memory, table: Table) -> frozenset[int]:
    """Rows that say next to nothing since the last evaluation: the same cells confirm nothing."""
    fresh = first_cell(table) + table.cells - memory.upto
    if fresh <= 0 or fresh >= table.cells:
        return frozenset()
    known = np.isfinite(table.first[:, -fresh:]).sum(axis=1)
    return frozenset(np.flatnonzero(known < FRESH * fresh).tolist())


def _known(table: Table) -> np.ndarray:
    return np.asarray(np.isfinite(table.first).sum(axis=1))


def _pending(tracks: Mapping[int, Track], others: Iterable[int]) -> Iterable[Seen]:
    known = set(others)
    for i, track in tracks.items():
        if track.pending is not None and i not in known:
            yield track.pending


def _moved(table: Table, seen: Iterable[Seen]) -> tuple[Moved, ...]:
    return tuple(Moved(table, one) for one in seen)
