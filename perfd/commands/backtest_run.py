"""Histories on their grids, evaluated as the daemon would have done; the report of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perfd.commands.backtest_opening import opening
from perfd.commands.backtest_report import Evaluated
from perfd.commands.backtest_watch import Watched
from perfd.commands.series_grid import Grid
from perfd.commands.series_points import SHARES, Deploy
from perfd.detect.scan.levels import Levels
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.walk import Walk, ends

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Histories:
    """What is to be evaluated, and (series, why) of what was left out when it was read.

    `pace` divides the time between evaluations, as it has divided the cells.
    """

    grids: Sequence[Grid]
    deploys: Sequence[Deploy] = ()
    left_out: Sequence[tuple[str, str]] = ()
    pace: float = 1.0


def backtest(histories: Histories, every: float, *, walk: bool) -> Report:
    """The report that `--json` prints; `every` in seconds."""
    parts = [_evaluated(histories, grid, every, walk) for grid in histories.grids]

    def all_of(reports: Callable[[Evaluated], Iterable[Report]]) -> list[Report]:
        found = [report for part in parts for report in reports(part)]
        return sorted(found, key=lambda report: (report.get("at", ""), report["series"]))

    findings = all_of(Evaluated.findings)
    begins = {name: at for grid in histories.grids for name, at in _begins(grid)}
    tickets, kept = opening(findings, begins, histories.pace)
    unused = [{"series": name, "reason": why} for name, why in histories.left_out]
    return {
        "series": sum(len(grid.names) for grid in histories.grids),
        "evaluations": sum(part.looks * len(part.grid.names) for part in parts),
        "findings": findings,
        "trends": all_of(Evaluated.trends),
        "would_open": tickets,
        "held_back": [*kept, *all_of(Evaluated.held_back)],
        "not_judged": all_of(Evaluated.not_judged),
        "left_out": [*unused, *all_of(Evaluated.thin)],
    }


def _evaluated(histories: Histories, grid: Grid, every: float, walk: bool) -> Evaluated:
    settings = ScanSettings()
    step = max(round(every / histories.pace / grid.width), 1)
    looks = ends(grid.cells, step, settings, walk)
    deploys = [deploys_of(histories.deploys, name) for name in grid.names]
    cells = {i: [grid.cell(d.time) for d in found] for i, found in enumerate(deploys) if found}
    watched = Watched(_history(grid, settings))
    walked = Walk(watched, settings, cells)
    for end in looks:
        walked.look(end, decide=walk or end == looks[-1])
    return Evaluated(grid, walked, watched, deploys, len(looks), settings)


def _history(grid: Grid, settings: ScanSettings) -> Levels | Shares:
    if grid.kind in SHARES:
        return Shares(grid.first, grid.second, settings)
    return Levels(grid.first, grid.start, grid.width, settings)


def _begins(grid: Grid) -> Iterable[tuple[str, float]]:
    """Each series, and when its first cell with data begins."""
    for name, cells in zip(grid.names, np.isfinite(grid.first), strict=True):
        yield name, grid.time(int(np.argmax(cells)))


def deploys_of(deploys: Iterable[Deploy], series: str) -> list[Deploy]:
    """Those of the service that the series' name begins with."""
    return [deploy for deploy in deploys if _belongs(series, deploy.service)]


def _belongs(series: str, service: str) -> bool:
    """`pricing` has `pricing`, `pricing/POST /quote` and `pricing latency`, not `pricing2`."""
    rest = series[len(service) :]
    return series.startswith(service) and (not rest or not (rest[0].isalnum() or rest[0] in "-_"))
