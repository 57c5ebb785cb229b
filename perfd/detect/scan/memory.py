"""What the scan of a service remembers between two evaluations, as it is written to the store.

Cells are counted from the epoch there, since the table of each evaluation begins at another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from perfd.detect.scan.table import Subject, Table
from perfd.detect.scan.track import Seen, Track
from perfd.model.identity import fingerprint


@dataclass(frozen=True, slots=True)
class Remembered:
    """The track of one series of a service."""

    operation: str
    metric: str
    track: Track


@dataclass(frozen=True, slots=True)
class Memory:
    """Evaluations were made from the cell `begun` up to the cell `upto`."""

    service: str
    environment: str
    begun: int
    upto: int
    tracks: tuple[Remembered, ...] = ()

    @property
    def id(self) -> str:
        """Of its document."""
        return name_of(self.service, self.environment)


def name_of(service: str, environment: str) -> str:
    """The id of a service's memory."""
    return fingerprint("scan", service, environment)


def first_cell(table: Table) -> int:
    """The number of a table's first cell, counted from the epoch."""
    return round(table.start / table.width)


def recalled(memory: Memory | None, table: Table) -> dict[int, Track]:
    """The tracks of the rows of a table, in its cells."""
    if memory is None:
        return {}
    rows = {_key(subject): i for i, subject in enumerate(table.subjects)}
    by = -first_cell(table)
    return {
        rows[kept.operation, kept.metric]: _of_row(
            kept.track.moved(by), rows[kept.operation, kept.metric]
        )
        for kept in memory.tracks
        if (kept.operation, kept.metric) in rows
    }


def remembered(tracks: Mapping[int, Track], table: Table) -> Iterable[Remembered]:
    """The tracks of the rows of a table, as they are kept."""
    by = first_cell(table)
    for row, track in sorted(tracks.items()):
        yield Remembered(*_key(table.subjects[row]), track.moved(by))


def _key(subject: Subject) -> tuple[str, str]:
    return subject.operation, subject.metric


def _of_row(track: Track, row: int) -> Track:
    """The row of a series is another one when an operation came or went."""
    return replace(
        track,
        pending=_in_row(track.pending, row),
        finding=_in_row(track.finding, row),
        trend=_in_row(track.trend, row),
    )


def _in_row(seen: Seen | None, row: int) -> Seen | None:
    return None if seen is None else replace(seen, series=row)
