"""Series that perfd itself has kept: the tables that its own scan looks at, and the deploys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from perfd.commands.series_grid import Grid
from perfd.commands.series_points import Deploy
from perfd.config import Config
from perfd.detect.scan.table import GAUGE, LEVEL, RATE, Subject, Table
from perfd.errors import BadInput
from perfd.interfaces import Clock, Store
from perfd.jobs.cells import CellReader
from perfd.model import deploy
from perfd.model.batch import DEPLOY
from perfd.model.series import UNKNOWN
from perfd.store.snapshot import snapshot
from perfd.tickets.codec import decode

DAY = 24  # cells
KINDS = {LEVEL: "latency", RATE: "ratio", GAUGE: "gauge"}


def read_store(
    config: Config, folder: Path, days: float, clock: Clock
) -> tuple[list[Grid], list[Deploy]]:
    """A grid for each kind, of the last `days` (divided by pace), and all deploys that are known.

    Raises StoreError, and BadInput where nothing was kept.
    """
    with snapshot(folder, config.store, pace=config.pace, clock=clock) as store:
        tables = list(_tables(CellReader(store, config.pace), clock.now(), round(days * DAY)))
        deploys = list(_deploys(store))
    grids = [grid for kind in KINDS for grid in _grid(kind, tables)]
    if not grids:
        raise BadInput(f"{folder}: nothing was measured in the last {days:g} days for a whole hour")
    return grids, deploys


def _tables(reader: CellReader, end: float, cells: int) -> Iterator[Table]:
    for service, environment in reader.services():
        yield reader.levels(service, environment, end, cells)
        yield reader.rates(service, environment, end, cells)
    yield reader.gauges(end, cells)


def _deploys(store: Store) -> Iterator[Deploy]:
    for document in store.documents(DEPLOY):
        found = decode(deploy.Deploy, document.body)
        yield Deploy(found.service, found.at, found.version)


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
    subjects = [subject for table in held for subject in table.subjects]
    yield Grid(
        names=tuple(_name(subject) for subject in subjects),
        table=Table(tuple(subjects), start, width, first[:, told], second[:, told]),
        kind=KINDS[kind],
        counted=kind != GAUGE,
        thin=(0,) * len(subjects),
    )


def _name(subject: Subject) -> str:
    """`pricing/POST /quote latency.p95`; the environment where it is known, a resource's owner."""
    owner = (
        subject.service
        or subject.series.label.get("host")
        or subject.series.label.get("container", "")
    )
    operation = f"/{subject.operation}" if subject.operation else ""
    known = subject.environment not in ("", UNKNOWN)
    place = f" ({subject.environment})" if known else ""
    return f"{owner}{operation} {subject.metric}{place}"
