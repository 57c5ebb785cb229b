"""A history on its grids, evaluated as the daemon would have done; the report of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from perfd.commands.series_csv import SHARES, Deploy, Row
from perfd.commands.series_grid import Grid, grids
from perfd.detect.scan.levels import Levels
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.walk import Seen, Walk, ends
from perfd.model.times import to_rfc3339

Report = dict[str, Any]


def backtest(
    series: Mapping[str, Sequence[Row]],
    kind: str,
    deploys: Sequence[Deploy],
    every: float,
    *,
    walk: bool,
) -> tuple[Report, list[Grid]]:
    """The report that `--json` prints, and the cells that it is about; `every` in seconds."""
    settings = ScanSettings()
    findings: list[Report] = []
    trends: list[Report] = []
    short: list[Report] = []
    evaluations = 0
    gridded = grids(series, kind in SHARES)
    for grid in gridded:
        looks = ends(grid.cells, max(round(every / grid.width), 1), settings, walk)
        near = _by_series(grid, deploys)
        walked = Walk(_history(grid, kind, settings), settings, _cells(grid, near))
        for end in looks:
            walked.look(end, decide=walk or end == looks[-1])
        evaluations += len(looks) * len(grid.names)
        told = (*walked.confirmed, *walked.pending.values())
        findings += [_told(grid, walked, near, seen) for seen in told]
        trends += [_told(grid, walked, near, seen) for seen in walked.trends.values()]
        short += _not_judged(grid, settings)
    findings.sort(key=lambda found: (found["at"], found["series"]))
    report = {
        "series": len(series),
        "evaluations": evaluations,
        "findings": findings,
        "trends": trends,
        "not_judged": short,
    }
    return report, gridded


def _history(grid: Grid, kind: str, settings: ScanSettings) -> Levels | Shares:
    if kind in SHARES:
        return Shares(grid.first, grid.second, settings)
    return Levels(grid.first, grid.start, grid.width, settings)


def _told(grid: Grid, walked: Walk, near: Mapping[int, Sequence[Deploy]], seen: Seen) -> Report:
    step = seen.step
    return {
        "series": grid.names[seen.series],
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
        "deploy": _deploy(grid, near.get(seen.series, ()), walked.deploy(seen)),
        "checks": [{"name": c.name, "passed": c.passed, "verdict": c.verdict} for c in step.checks],
    }


def _deploy(grid: Grid, deploys: Sequence[Deploy], cell: int | None) -> Report | None:
    """The deploy in that cell."""
    for deploy in deploys:
        if cell is not None and grid.cell(deploy.time) == cell:
            time = to_rfc3339(deploy.time)
            return {"service": deploy.service, "time": time, "version": deploy.version}
    return None


def _by_series(grid: Grid, deploys: Sequence[Deploy]) -> dict[int, list[Deploy]]:
    return {
        i: [deploy for deploy in deploys if _belongs(name, deploy.service)]
        for i, name in enumerate(grid.names)
    }


def _belongs(series: str, service: str) -> bool:
    """`pricing` has `pricing`, `pricing/POST /quote` and `pricing latency`, not `pricing2`."""
    rest = series[len(service) :]
    return series.startswith(service) and (not rest or not (rest[0].isalnum() or rest[0] in "-_"))


def _cells(grid: Grid, deploys: Mapping[int, Sequence[Deploy]]) -> dict[int, list[int]]:
    return {i: [grid.cell(d.time) for d in found] for i, found in deploys.items() if found}


def _not_judged(grid: Grid, settings: ScanSettings) -> Iterator[Report]:
    """Nothing passes silently: what was too short for a verdict."""
    known = np.isfinite(grid.first[:, -settings.window :]).sum(axis=1)
    for i in np.flatnonzero(known < settings.fewest):
        reason = f"{known[i]} cells of {grid.width / 3600:g} h with data; {settings.fewest} needed"
        yield {"series": grid.names[i], "reason": reason}
