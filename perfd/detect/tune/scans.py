"""The scan over the past, and over copies of it in which nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.detectability.copies import Copied
from perfd.detect.detectability.measure import WEEK, by_first_day, reasons
from perfd.detect.detectability.trials import WATCHED, Bench
from perfd.detect.scan.steps import Step
from perfd.detect.scan.table import Subject
from perfd.detect.scan.track import Seen
from perfd.detect.scan.walk import Walk, ends
from perfd.model.finding import CONFIRMED

QUARTER = 13.0  # weeks


@dataclass(frozen=True, slots=True)
class Change:
    """What the scan confirms in the past; whether it was right, only a person can say."""

    subject: Subject
    at: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Scans:
    """Of one service: `wrong` steps in `weeks` of unchanged copies of `series` series."""

    series: int
    weeks: float
    wrong: tuple[tuple[Subject, float], ...]
    changes: tuple[Change, ...]

    @property
    def a_quarter(self) -> float:
        """Wrong findings to be expected of the service in a quarter."""
        return len(self.wrong) / self.weeks * self.series * QUARTER if self.weeks else 0.0


def scanned(
    copied: Copied, subjects: Sequence[Subject], start: float, width: float, bench: Bench
) -> Scans:
    """A table; its first cell begins at `start`, in real time, and each is `width` seconds."""
    walk = Walk(copied.history(bench.settings), bench.settings)
    for end in ends(copied.known.shape[1], bench.every, bench.settings, whole=True):
        walk.look(end)
    changes = tuple(
        Change(subjects[seen.series], start + seen.step.at * width, _ratio(seen))
        for seen in walk.confirmed
        if seen.status == CONFIRMED
    )
    quiet = copied.without(walk.confirmed)
    told = [not reason for reason in reasons(quiet.known, bench.settings)]
    rows = np.flatnonzero(told)
    wrong: list[tuple[Subject, float]] = []
    for first, together in by_first_day(quiet.known, rows):
        mistakes = bench.mistakes(quiet.only(together), first)
        wrong += [(subjects[int(together[row])], abs(_shift(step))) for row, step in mistakes]
    weeks = len(rows) * bench.copies * WATCHED / WEEK
    return Scans(len(rows), weeks, tuple(wrong), changes)


def joined(parts: Sequence[Scans]) -> Scans:
    """Several tables of one service."""
    return Scans(
        sum(part.series for part in parts),
        sum(part.weeks for part in parts),
        tuple(one for part in parts for one in part.wrong),
        tuple(one for part in parts for one in part.changes),
    )


def _ratio(seen: Seen) -> float | None:
    return seen.step.after / seen.step.before if seen.step.before > 0.0 else None


def _shift(step: Step) -> float:
    """The relative size of a step."""
    return step.after / step.before - 1.0 if step.before > 0.0 else 1.0
