"""What was evaluated, in the words of the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfd.commands.backtest_watch import Watched
from perfd.commands.series_grid import Grid
from perfd.commands.series_points import SHARES, Deploy
from perfd.detect.scan.findings import Moved
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.suited import unsuited
from perfd.detect.scan.track import Seen
from perfd.detect.scan.walk import Walk
from perfd.detect.tails import NORMAL_95
from perfd.model.times import to_rfc3339

Report = dict[str, Any]
Array = NDArray[np.float64]

NEAR = 24  # cells: what stood against a change a day beside a finding was about the same change


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A grid and what the walk over it found; `deploys` of each series, `looks` evaluations."""

    grid: Grid
    walk: Walk
    watched: Watched
    deploys: Sequence[Sequence[Deploy]]
    looks: int
    settings: ScanSettings

    def findings(self) -> Iterator[Report]:
        """Confirmed and suspected changes."""
        yield from (self.told(moved.seen) for moved in self.moves())

    def moves(self) -> Iterator[Moved]:
        """The same, as the daemon's rules take them."""
        for seen in (*self.walk.confirmed, *self.walk.pending.values()):
            yield Moved(self.grid.table, seen)

    def trends(self) -> Iterator[Report]:
        """Ramps."""
        for seen in self.walk.trends.values():
            yield self.told(seen)

    def held_back(self) -> Iterator[Report]:
        """Changes beyond chance that a filter stood against to the end."""
        known = (*self.walk.confirmed, *self.walk.pending.values(), *self.walk.trends.values())
        places = [(seen.series, seen.step.at) for seen in known]
        for held in self.watched.held(places, NEAR):
            times = f"{held.verdict} ({held.times} evaluations)"
            yield self.held(held.series, held.at, held.filter, times)

    def held(self, series: int, at: int, name: str, reason: str) -> Report:
        """What stood against a change of a series in a cell."""
        time = to_rfc3339(self.grid.time(at))
        return {"series": self.grid.names[series], "at": time, "filter": name, "reason": reason}

    def not_judged(self) -> Iterator[Report]:
        """Nothing passes silently: what was too short for a verdict, or is no level."""
        for i, reason in sorted(self._unsuited().items()):
            yield {"series": self.grid.names[i], "reason": reason}

    def _unsuited(self) -> dict[int, str]:
        last = self.grid.table.first[:, -self.settings.window :]
        if self.grid.kind not in SHARES:
            return unsuited(last, self.settings)
        told, fewest = np.isfinite(last).sum(axis=1), self.settings.fewest
        short = np.flatnonzero(told < fewest)
        return {int(i): f"{told[i]} cells with a value; {fewest} needed" for i in short}

    def thin(self) -> Iterator[Report]:
        """Cells that had too few requests to be a measurement."""
        for name, few in zip(self.grid.names, self.grid.thin, strict=True):
            if few:
                reason = f"{few} of {self.grid.cells} cells have fewer than 5 requests"
                yield {"series": name, "reason": reason}

    def told(self, seen: Seen) -> Report:
        """A change as `--json` prints it."""
        grid, step = self.grid, seen.step
        return {
            "series": grid.names[seen.series],
            "service": grid.table.subjects[seen.series].service,
            "at": to_rfc3339(grid.time(step.at)),
            "detected_at": to_rfc3339(grid.time(seen.end)),
            "before": step.before,
            "after": step.after,
            "ratio": step.after / step.before if step.before > 0.0 else None,
            "ci": [float(np.exp(bound)) for bound in step.ci],
            "p": step.p,
            "direction": "up" if step.shift > 0.0 else "down",
            "status": seen.status,
            "at_ci": [to_rfc3339(grid.time(cell)) for cell in step.at_ci],
            "before_from": to_rfc3339(grid.time(self._first(seen))),
            "before_ci": self._interval(seen, before=True),
            "after_ci": self._interval(seen, before=False),
            "counts": self._counts(seen),
            "deploy": self._deploy(seen),
            "over": None if seen.over is None else to_rfc3339(grid.time(seen.over)),
            "checks": [
                {"name": c.name, "passed": c.passed, "verdict": c.verdict} for c in step.checks
            ],
        }

    def _interval(self, seen: Seen, *, before: bool) -> list[float]:
        """Of a level, 95 %: the noise of a cell over the root of how many there are."""
        step, table = seen.step, self.grid.table
        sides = self._cells(table.first, seen)
        level = step.before if before else step.after
        cells = int(np.isfinite(sides[not before]).sum())
        error = NORMAL_95 * step.noise / math.sqrt(max(cells, 1))
        if self.grid.kind not in SHARES:
            return [level * math.exp(-error), level * math.exp(error)]
        # The noise is that of the rate over both sides; that of k goes with its root.
        k, n = (
            np.nansum(np.concatenate(self._cells(v, seen))) for v in (table.first, table.second)
        )
        error *= math.sqrt(level * float(k / n))
        return [max(level - error, 0.0), level + error]

    def _cells(self, values: Array, seen: Seen) -> tuple[Array, Array]:
        """Those of its series that were looked at, before the change and after it."""
        row, first = values[seen.series], self._first(seen)
        return row[first : seen.step.at], row[seen.step.at : seen.end]

    def _first(self, seen: Seen) -> int:
        """The first cell of the level before: of the window, or after the change before this."""
        former = [one.step.at for one in self.walk.confirmed if one.series == seen.series]
        earlier = [at for at in former if at < seen.step.at]
        return max([seen.end - self.settings.window, 0, *earlier])

    def _counts(self, seen: Seen) -> list[float] | None:
        """Requests before and after, in the cells that were looked at; None where not counted."""
        if not self.grid.counted:
            return None
        return [float(np.nansum(side)) for side in self._cells(self.grid.table.second, seen)]

    def _deploy(self, seen: Seen) -> Report | None:
        """The deploy that the change may have come with."""
        cell = self.walk.deploy(seen)
        for deploy in self.deploys[seen.series]:
            if cell is not None and self.grid.cell(deploy.time) == cell:
                time = to_rfc3339(deploy.time)
                return {"service": deploy.service, "time": time, "version": deploy.version}
        return None
