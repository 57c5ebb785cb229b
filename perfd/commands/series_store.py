"""Series that perfd itself has kept: the tables that its own scan looks at, and the deploys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from perfd.commands.series_grid import Grid
from perfd.commands.series_points import Deploy
from perfd.detect.scan.findings import Moved
from perfd.detect.scan.table import GAUGE, LEVEL, RATE, Subject, Table
from perfd.detect.settings import DetectSettings
from perfd.errors import BadInput
from perfd.interfaces import Store
from perfd.jobs.cells import CellReader
from perfd.jobs.scan_proof import ScanProver
from perfd.model import deploy
from perfd.model.batch import DEPLOY
from perfd.model.finding import Check
from perfd.model.series import UNKNOWN
from perfd.tickets.codec import decode

DAY = 24  # cells
KINDS = {LEVEL: "latency", RATE: "ratio", GAUGE: "gauge"}


class Kept:
    """A store as `perfd backtest` looks at it; cells are hours divided by `pace`."""

    def __init__(self, store: Store, settings: DetectSettings, pace: float, every: float) -> None:
        self._store = store
        self._reader = CellReader(store, pace)
        self._prover = ScanProver(store, settings, pace)
        self._every = every / pace

    def grids(self, end: float, days: float) -> list[Grid]:
        """One for each kind, of so many days (divided by pace) up to `end`.

        Raises BadInput where nothing was kept.
        """
        tables = list(self._tables(end, round(days * DAY)))
        found = [grid for kind in KINDS for grid in _grid(kind, tables)]
        if not found:
            raise BadInput(f"nothing was measured in the last {days:g} days for a whole hour")
        return found

    def deploys(self) -> list[Deploy]:
        """All that are known."""
        found = (decode(deploy.Deploy, d.body) for d in self._store.documents(DEPLOY))
        return [Deploy(one.service, one.at, one.version) for one in found]

    def around(self, moved: Moved) -> Iterable[Check]:
        """What the windows around a change say of it, as of the evaluation that told of it."""
        end = moved.time(moved.seen.end)
        first = end - (moved.seen.times - 1) * self._every
        return self._prover.read(moved, first, end).checks

    def _tables(self, end: float, cells: int) -> Iterator[Table]:
        for service, environment in self._reader.services():
            yield self._reader.levels(service, environment, end, cells)
            yield self._reader.rates(service, environment, end, cells)
        yield self._reader.gauges(end, cells)


def _grid(kind: str, tables: Iterable[Table]) -> Iterator[Grid]:
    """The rows of one kind, from the first cell that holds anything to the last."""
    held = [table for table in tables if len(table) and table.subjects[0].kind == kind]
    if not held:
        return
    first = np.vstack([table.first for table in held])
    second = np.vstack([table.second for table in held])
    full = np.flatnonzero(np.isfinite(first).any(axis=0))
    if not len(full):
        return
    told = slice(full[0], full[-1] + 1)
    width, start = held[0].width, held[0].start + float(full[0]) * held[0].width
    subjects = tuple(subject for table in held for subject in table.subjects)
    yield Grid(
        names=tuple(_name(subject) for subject in subjects),
        table=Table(subjects, start, width, first[:, told], second[:, told]),
        kind=KINDS[kind],
        counted=kind != GAUGE,
        thin=(0,) * len(subjects),
    )


def _name(subject: Subject) -> str:
    """`pricing/POST /quote latency.p95 (prod)`; a resource by its owner."""
    label = subject.series.label
    owner = subject.service or label.get("host") or label.get("container", "")
    operation = f"/{subject.operation}" if subject.operation else ""
    known = subject.environment not in ("", UNKNOWN)
    place = f" ({subject.environment})" if known else ""
    return f"{owner}{operation} {subject.metric}{place}"
