"""Evaluation after evaluation: a change counts when several in a row have found it.

Every evaluation is one more chance to be wrong; that the same change is still there, at the same
time, in the next ones costs a few hours and takes most of the false ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.filters import trend
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.steps import Step
from perfd.detect.scan.track import Seen, Track, suspected
from perfd.model.finding import CONFIRMED

__all__ = ["History", "Seen", "View", "Walk", "ends"]

Array = NDArray[np.float64]
Cells = NDArray[np.int64]

BLOCK = 2_000  # series at once
NEAR_DEPLOY = 2  # cells


@dataclass(frozen=True, slots=True)
class View:
    """What one evaluation sees: some series, and their cells from `first` up to `end`.

    Per series, `since` is the first cell of the view that counts (after an older change), `noise`
    the long-run standard deviation known from before it, 0 where there was none.
    """

    rows: slice
    first: int
    end: int
    since: Cells
    noise: Array


class History(Protocol):
    """Series on one grid of cells, and the test that fits what they measure."""

    @property
    def series(self) -> int:
        """How many."""

    def evaluate(self, view: View) -> list[Step]:
        """All steps beyond chance in the view, rows and cells counted from its first."""


class Walk:
    """What the evaluations of a history have seen so far.

    `deploys` holds the cells of the deploys of a series; a change at one needs one confirmation
    less, since its time was not searched for. `tracks`, and how many `looks` there were, are all
    that must be kept of earlier ones to go on after them.
    """

    def __init__(
        self,
        history: History,
        settings: ScanSettings,
        deploys: Mapping[int, Sequence[int]] | None = None,
        tracks: Mapping[int, Track] | None = None,
        looks: int = 0,
    ) -> None:
        self._history, self._settings = history, settings
        self._deploys = deploys or {}
        self.looks = looks
        self.tracks = dict(tracks or {})
        self.confirmed = [t.finding for t in self.tracks.values() if t.finding is not None]

    @property
    def pending(self) -> dict[int, Seen]:
        """What waits for its confirmation."""
        return {i: t.pending for i, t in self.tracks.items() if t.pending is not None}

    @property
    def trends(self) -> dict[int, Seen]:
        """Ramps, and steps that kept moving."""
        return {i: t.trend for i, t in self.tracks.items() if t.trend is not None}

    def look(self, end: int, *, decide: bool = True) -> list[Seen]:
        """One evaluation of all series, when the first `end` cells are known.

        What it makes of a finding: confirmed, renamed to a trend, or over. Unless it is to
        `decide`, what it sees only counts for the next one.
        """
        self.looks += 1
        found = {seen.series: seen for seen in self._found(end) if self._timely(seen)}
        for i in self.tracks.keys() - found.keys():
            self._keep(i, self.tracks[i].quiet())
        said = [self._followed(seen, decide) for seen in found.values()]
        return [seen for seen in said if seen is not None]

    def deploy(self, seen: Seen) -> int | None:
        """The cell of the deploy that the change may have come with, the last one if several."""
        low, high = seen.step.at_ci[0] - NEAR_DEPLOY, seen.step.at_ci[1] + NEAR_DEPLOY
        near = [cell for cell in self._deploys.get(seen.series, ()) if low <= cell <= high]
        return max(near, default=None)

    def _followed(self, seen: Seen, decide: bool) -> Seen | None:
        """What one look makes of one series."""
        track = self.tracks.get(seen.series, Track())
        if seen.step.trend:
            track, said = track.climbed(seen, self._settings)
        elif not seen.step.early:
            track, said = track.quiet(), None
        else:
            track, said = track.waited(seen, self._settings), None
            if decide and seen.step.passed and self._sure(track):
                track, said = track.confirmed(self._settings)
        self._keep(seen.series, track)
        if said is not None:
            self._enter(said)
        return said

    def _keep(self, series: int, track: Track) -> None:
        if track == Track():
            self.tracks.pop(series, None)
        else:
            self.tracks[series] = track

    def _enter(self, said: Seen) -> None:
        """Into the list of confirmed steps, from which what became a trend is taken out."""
        others = [s for s in self.confirmed if not _one(s, said)]
        self.confirmed = [*others, said] if said.status == CONFIRMED else others

    def _timely(self, seen: Seen) -> bool:
        """What is found for the first time when it is old was not there before.

        It is the end of something whose beginning has left the window. Unless nobody looked then.
        """
        young = seen.end - seen.step.at <= self._settings.soon
        return young or self.looks <= trend.LONGEST * self._settings.confirmations

    def _sure(self, track: Track) -> bool:
        """A deploy at that time saves one confirmation; a ramp that fits as well asks for more."""
        seen, needed = track.pending, self._settings.confirmations
        if seen is None:
            return False
        if self.deploy(seen) is not None:
            return seen.times >= max(needed - 1, 1)
        lasted = seen.end - seen.step.at >= self._settings.youngest
        clear = seen.step.doubt <= trend.LONGEST and track.outlasts(self._settings)
        return lasted and clear and seen.times >= needed * seen.step.doubt

    def _found(self, end: int) -> Iterator[Seen]:
        first = max(end - self._settings.window, 0)
        since, noise = self._baselines(first)
        for row in range(0, self._history.series, BLOCK):
            rows = slice(row, row + BLOCK)
            view = View(rows, first, end, since[rows], noise[rows])
            for step in self._history.evaluate(view):
                yield suspected(step.moved(first), row + step.row, end)

    def _baselines(self, first: int) -> tuple[Cells, Array]:
        """Since which cell of the view each series counts, and the noise known from before."""
        since = np.zeros(self._history.series, dtype=np.int64)
        noise = np.zeros(self._history.series)
        for i, track in self.tracks.items():
            if track.since > first:
                since[i], noise[i] = track.since - first, track.noise
        return since, noise


def ends(cells: int, every: int, settings: ScanSettings, whole: bool) -> list[int]:
    """When to look: at the last cell, and before it as often as is asked for.

    Without `whole`, only as often as a confirmation needs.
    """
    looks = range(cells, settings.fewest - 1, -every)
    return sorted(looks if whole else looks[: trend.LONGEST * settings.confirmations])


def _one(a: Seen, b: Seen) -> bool:
    """The same finding, whatever became of it."""
    return a.series == b.series and a.step.at == b.step.at
