"""What would be caught of each series, and how often nothing is taken for something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.detectability.copies import Cells, Copied
from perfd.detect.detectability.ladder import Climb, Sizes, Try, climb
from perfd.detect.detectability.trials import WATCHED, Bench
from perfd.detect.scan.settings import ScanSettings
from perfd.model.detectability import Recall

DAY = 24  # cells
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one series, as in model/detectability.py; `reason` says why nothing was measured."""

    smallest: float | None = None
    recalls: tuple[Recall, ...] = ()
    wrong: int = 0
    weeks: float = 0.0
    reason: str = ""
    obstacle: str = ""


def measured(copied: Copied, sizes: Sizes, bench: Bench) -> list[Measured]:
    """Each series of a history by itself, as far as the scan would say anything of it."""
    copied = bench.quiet(copied)
    found = [Measured(reason=reason) for reason in reasons(copied.known, bench.settings)]
    rows = np.array([i for i, one in enumerate(found) if not one.reason], dtype=np.int64)
    for first, together in by_first_day(copied.known, rows):
        own = copied.only(together)
        falsely = bench.wrong(own, first)
        climbs = climb(len(together), sizes, _attempt(own, first, bench))
        weeks = bench.copies * WATCHED / WEEK
        for row, one, mistakes in zip(together.tolist(), climbs, falsely.tolist(), strict=True):
            found[row] = Measured(one.seen, _usual(one, sizes), mistakes, weeks)
            if one.seen is None:
                alone = copied.only(np.array([row]))
                what = bench.obstacle(alone, first, sizes.most)
                found[row] = replace(found[row], obstacle=what)
    return found


def _attempt(copied: Copied, first: int, bench: Bench) -> Try:
    def attempt(rows: Cells, sizes: NDArray[np.float64]) -> tuple[Cells, int]:
        return bench.caught(copied.only(rows), first, sizes), bench.copies

    return attempt


def _usual(climbed: Climb, sizes: Sizes) -> tuple[Recall, ...]:
    return tuple(climbed.recalls[size] for size in sizes.usual)


def reasons(known: NDArray[np.bool_], settings: ScanSettings) -> Iterator[str]:
    """Why the scan says nothing of a series; empty where it does.

    A day more than it asks for, so that a copy has one to lose at its end. How long there is any
    history is told by all of the series together.
    """
    fewest = settings.fewest + DAY
    since = known.shape[1] - int(np.argmax(known.any(axis=0)))
    for told in known.sum(axis=1).tolist():
        if told >= fewest:
            yield ""
        elif since < fewest:
            yield f"{since} hours of history; {fewest} are needed"
        elif not told:
            yield "no hour of the last two weeks has requests enough for a value"
        else:
            yield f"{told} of {since} hours have requests enough for a value; {fewest} are needed"


def by_first_day(known: NDArray[np.bool_], rows: Cells) -> Iterator[tuple[int, Cells]]:
    """The series that began in the same day, and the first cell after it."""
    begun = np.argmax(known[rows], axis=1)
    firsts = np.where(begun > 0, (begun + DAY - 1) // DAY * DAY, 0)
    for first in np.unique(firsts):
        yield int(first), rows[firsts == first]
