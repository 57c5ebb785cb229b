"""Histories on their grids, evaluated as the daemon would have done; the report of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from perfd.commands.backtest_opening import Rules, tickets
from perfd.commands.backtest_report import Evaluated
from perfd.commands.backtest_watch import Watched
from perfd.commands.series_grid import Grid
from perfd.commands.series_points import Deploy
from perfd.detect.scan.evaluation import history_of
from perfd.detect.scan.findings import Moved
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.walk import Walk, ends
from perfd.model.times import to_rfc3339

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Histories:
    """What is to be evaluated, and (series, why) of what was left out when it was read."""

    grids: Sequence[Grid]
    deploys: Sequence[Deploy] = ()
    left_out: Sequence[tuple[str, str]] = ()
    rules: Rules = field(default_factory=Rules)


def backtest(histories: Histories, every: float, *, walk: bool) -> Report:
    """The report that `--json` prints; `every` in seconds."""
    parts = [_evaluated(histories, grid, every, walk) for grid in histories.grids]

    def all_of(reports: Callable[[Evaluated], Iterable[Report]]) -> list[Report]:
        return _sorted(report for part in parts for report in reports(part))

    opened, kept = _opening(parts, histories.rules)
    unused = [{"series": name, "reason": why} for name, why in histories.left_out]
    return {
        "series": sum(len(grid.names) for grid in histories.grids),
        "evaluations": sum(part.looks * len(part.grid.names) for part in parts),
        "findings": all_of(Evaluated.findings),
        "trends": all_of(Evaluated.trends),
        "would_open": opened,
        "held_back": _sorted([*kept, *all_of(Evaluated.held_back)]),
        "not_judged": all_of(Evaluated.not_judged),
        "left_out": [*unused, *all_of(Evaluated.thin)],
    }


def _sorted(reports: Iterable[Report]) -> list[Report]:
    return sorted(reports, key=lambda report: (report.get("at", ""), report["series"]))


def _opening(parts: Sequence[Evaluated], rules: Rules) -> tuple[list[Report], list[Report]]:
    """Tickets, and findings that are none with the rule that stood against them."""
    kept, rises = [], []
    owners = {id(part.grid.table): part for part in parts}
    for moved in (moved for part in parts for moved in part.moves()):
        if check := rules.against(moved):
            part, seen = owners[id(moved.table)], moved.seen
            kept.append(part.held(seen.series, seen.step.at, check.name, check.verdict))
        else:
            rises.append(moved)

    def told(moved: Moved) -> Report:
        return owners[id(moved.table)].told(moved.seen)

    opened = []
    for ticket in tickets(rises):
        first, *others = (told(moved) for moved in ticket.moves)
        also = sorted(one["series"] for one in others)
        opened.append({"opened_at": to_rfc3339(ticket.at), **first, "also": also})
    return opened, kept


def _evaluated(histories: Histories, grid: Grid, every: float, walk: bool) -> Evaluated:
    settings = ScanSettings()
    step = max(round(every / histories.rules.pace / grid.table.width), 1)
    looks = ends(grid.cells, step, settings, walk)
    deploys = [deploys_of(histories.deploys, name) for name in grid.names]
    cells = {i: [grid.cell(d.time) for d in found] for i, found in enumerate(deploys) if found}
    watched = Watched(history_of(grid.table, settings, histories.rules.pace))
    walked = Walk(watched, settings, cells)
    for end in looks:
        walked.look(end, decide=walk or end == looks[-1])
    return Evaluated(grid, walked, watched, deploys, len(looks), settings)


def deploys_of(deploys: Iterable[Deploy], series: str) -> list[Deploy]:
    """Those of the service that the series' name begins with."""
    return [deploy for deploy in deploys if _belongs(series, deploy.service)]


def _belongs(series: str, service: str) -> bool:
    """`pricing` has `pricing`, `pricing/POST /quote` and `pricing latency`, not `pricing2`."""
    rest = series[len(service) :]
    return series.startswith(service) and (not rest or not (rest[0].isalnum() or rest[0] in "-_"))
