"""What is around shares that changed at one time, read from the store, and what comes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from perfd.detect import measures
from perfd.detect.filters.shadow import hidden
from perfd.detect.functions import proof
from perfd.detect.functions.change import Around, Group, asked, cost, counted, judged
from perfd.detect.functions.findings import Setting, finding
from perfd.detect.functions.judge import Judged, representative
from perfd.detect.functions.rise import Cost
from perfd.detect.functions.scan import Found
from perfd.detect.functions.tree import tree
from perfd.detect.settings import DetectSettings
from perfd.interfaces import Store
from perfd.jobs.cells import CellReader
from perfd.jobs.function_counts import FunctionReader
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found as Told
from perfd.model.finding import Finding
from perfd.model.profile import Function, ProfileWindow, Symbols

AROUND = (72, 48)  # cells before and after a change whose stacks are compared
MOST_TOLD = 12  # findings of one change; more functions than that may rise with it
NEAR = 2  # cells between a change and the deploy that brought it


class FunctionFindings:
    """Of one evaluation of one service."""

    def __init__(
        self, store: Store, reader: FunctionReader, settings: DetectSettings, pace: float
    ) -> None:
        self._reader, self._settings = reader, settings
        self._cells = CellReader(store, pace)

    def of(
        self, group: Group, setting: Setting, sampler: str, deploys: Sequence[Deploy]
    ) -> list[Told]:
        """Findings of a group, the one that is opened first."""
        table, at = setting.table, group.at
        place = setting.service, setting.environment
        first, last = max(at - AROUND[0], 0), min(at + AROUND[1], table.cells)
        windows, symbols = self._reader.stacks(place, sampler, table.time(first), table.time(last))
        spent, requests = self._requests(setting, at, (first, last))
        stacks = tree(windows, symbols, table.time(first), table.width, at - first)
        around = Around(stacks, spent, requests)
        looked = judged(group, table, around, self._settings.functions)
        chosen = representative([one for _, one in looked])
        deploy = _deploy(group, setting, deploys)
        versions = _versions(windows, table.time(at))
        told = []
        for found, one in sorted(looked, key=lambda pair: pair[1] is not chosen)[:MOST_TOLD]:
            function = symbols.functions.get(one.rise.function)
            if function is None:
                continue
            way = self._in_the_way(one, chosen, symbols, place[0])
            made = finding(setting, found, one, function, versions, deploy, standing_in_the_way=way)
            if one is chosen:
                told.append(_proven(made, found, one, setting, windows, symbols, function))
            else:
                told.append(Told(made))
        return told

    def _in_the_way(
        self, one: Judged, chosen: Judged | None, symbols: Symbols, service: str
    ) -> str:
        """Why what stands is not opened; empty where it may be, and where a filter says why."""
        if not one.stands:
            return ""
        if chosen is not None and one is not chosen:
            return f"part of the rise of {symbols.functions[chosen.rise.function].name}"
        why = hidden(service, self._settings)
        return f"shadow: would have opened a ticket: {why}" if why else ""

    def _requests(
        self, setting: Setting, at: int, cells: tuple[int, int]
    ) -> tuple[Cost | None, dict[str, tuple[float, float]]]:
        """CPU per request around the change, and how often each operation was asked."""
        table, place = setting.table, (setting.service, setting.environment)
        end = table.time(table.cells)
        levels = self._cells.levels(*place, end, table.cells)
        rates = self._cells.rates(*place, end, table.cells)
        counts = {s.operation: rates.second[i] for i, s in enumerate(rates.subjects)}
        for i, subject in enumerate(levels.subjects):
            if subject.metric == measures.CPU:
                spent = cost(levels.first[i], levels.second[i], at)
                return spent, asked(counts, at, cells)
        return None, asked(counts, at, cells)


def _proven(
    made: Finding,
    found: Found,
    one: Judged,
    setting: Setting,
    windows: Sequence[ProfileWindow],
    symbols: Symbols,
    function: Function,
) -> Told:
    """With the proof that a ticket needs; without profiles of both sides it is not opened."""
    table, counts = setting.table, one.rise.counts
    diff = proof.profiles(windows, symbols, table.time(found.seen.step.at), one.rise.cost)
    if diff is None or made.before is None or made.after is None:
        return Told(replace(made, opened=False, reason="no profile covers both sides"))
    row = proof.row(made.before, made.after, counts, setting.alpha)
    shares = proof.track(counted(table, found), table, function, own=found.own)
    pictured = proof.picture(diff, symbols, function)
    return Told(made, proof.evidence(made.id, [row], [shares], pictured, made.checks))


def _deploy(group: Group, setting: Setting, deploys: Sequence[Deploy]) -> Deploy | None:
    """The deploy that came at that time, the last one if several did."""
    table = setting.table
    low = table.time(group.at_ci[0] - NEAR)
    high = table.time(group.at_ci[1] + 1 + NEAR)
    return max((d for d in deploys if low <= d.at < high), key=lambda d: d.at, default=None)


def _versions(windows: Sequence[ProfileWindow], at: float) -> tuple[str, str]:
    """The version that was profiled most before, and after."""
    sides: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for window in windows:
        hits = sum(weight.hits for weight in window.weights.values())
        sides[window.start >= at][window.series.label.get("version", "")] += hits
    before, after = (side.most_common(1)[0][0] if side else "" for side in sides)
    return before, after
