"""Watching a canary: old and new version in the same cells, from the first of them.

A deploy is judged after half an hour. Before that nothing is opened; but a canary that is twice as
slow shows after minutes, and who rolls it out may want to know. The two sequences may be looked at
every minute: an equal canary is ever suspected with a probability of at most `ALPHA`.

What varies is known from the old version's time before: its requests, and its noise between cells,
which each version is taken to have for itself (some of it is common, and cancels).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect import measures
from perfd.detect.canary.case import Both, CanaryCase, both
from perfd.detect.canary.sequences import enough, evidence, interval
from perfd.detect.cells import Cells, mean_cells
from perfd.detect.columns import columns
from perfd.detect.estimate import estimate
from perfd.detect.noise import noise
from perfd.detect.sides import belongs, by_operation
from perfd.model.finding import Estimate, Interval
from perfd.model.series import STEADY
from perfd.model.window import Window

ALPHA = 0.01  # of a deploy, over all operations, metrics and times
METRICS = 2
FEWEST = 50  # requests of the new version
LEAST_BETWEEN = 4e-4  # long-run variance between cells: sd of 1 %, correlation of .6
REMEMBERS = 4.0  # by which a correlation of .6 widens what bursts add to a sum over cells


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Both versions in the cells in which both served; `alpha` is what this sequence was given.

    `ratio` is the confidence sequence of after by before; None of errors, which have an e-value.
    """

    operation: str
    metric: str
    cells: Both
    before: Estimate
    after: Estimate
    ratio: Interval | None
    alpha: float


def watch(case: CanaryCase) -> Iterator[Suspicion]:
    """What is beyond chance and above the floor by now, at most one a metric and operation."""
    deploy = case.deploy
    known = by_operation(_steady(case.requests, deploy.previous, (-math.inf, deploy.at)))
    if not known or deploy.version in ("", deploy.previous):
        return
    span = deploy.at - case.settings.join / case.pace, case.end - case.width / 2.0
    old = by_operation(_steady(case.requests, deploy.previous, span))
    new = by_operation(_steady(case.requests, deploy.version, span))
    # The operations that the old version had before: their number is no matter of the canary.
    alpha = ALPHA / (METRICS * len(known))
    dispersion = scatter(case.instances)
    for name in sorted(known.keys() & old.keys() & new.keys()):
        cells = both(columns(old[name]), columns(new[name]))
        if cells.new.sum() < FEWEST:
            continue
        usual = mean_cells(columns(known[name]))
        ratio = _slower(case, cells, usual, alpha) if usual is not None else None
        told = {measures.LATENCY_MEAN: ratio is not None}
        told[measures.ERROR_RATE] = _failing(case, cells, dispersion, alpha)
        sides = [_during(side[name], cells) for side in (old, new)]
        for metric in (metric for metric, seen in told.items() if seen):
            before, after = (estimate(metric, side) for side in sides)
            if before is not None and after is not None:
                of_latency = ratio if metric == measures.LATENCY_MEAN else None
                yield Suspicion(name, metric, cells, before, after, of_latency, alpha)


def _slower(case: CanaryCase, cells: Both, usual: Cells, alpha: float) -> Interval | None:
    """The ratio of latencies where it is above the floor: all of its confidence sequence."""
    held = (cells.measured_old > 0.0) & (cells.measured_new > 0.0)
    if not held.any():
        return None
    n_old, n_new = cells.measured_old[held], cells.measured_new[held]
    difference = cells.logs_new[held] / n_new - cells.logs_old[held] / n_old
    between = max(noise([usual]).long_run, LEAST_BETWEEN)
    variance = usual.sampling * (1.0 / n_old + 1.0 / n_new) + 2.0 * between
    low, high = (math.exp(end[-1]) for end in interval(difference, variance, alpha))
    least = case.settings.floor, case.settings.floor_seconds / math.exp(usual.level)
    return (low, high) if low - 1.0 >= max(least) else None


def _failing(case: CanaryCase, cells: Both, dispersion: float, alpha: float) -> bool:
    """The e-value is enough, and the difference of the rates above the floor."""
    counts = cells.failed_old, cells.old, cells.failed_new, cells.new
    before, after = (float(k.sum() / n.sum()) for k, n in (counts[:2], counts[2:]))
    told = evidence(*counts, dispersion)[-1]
    return bool(told >= enough(alpha)) and after - before >= case.settings.error_floor


def _during(windows: Iterable[Window], cells: Both) -> list[Window]:
    starts = set(cells.start.tolist())
    return [w for w in windows if w.start in starts]


def scatter(instances: Iterable[Window]) -> float:
    """By how much failures vary from instance to instance, beyond the binomial law; at least 1.

    Pearson's statistic of the instances of each interval, by its degrees of freedom; what is beyond
    1 lasts for more than an interval. What hits all instances at once is no part of it: it hits the
    canary as well.
    """
    held: dict[float, list[tuple[int, int]]] = {}
    for window in instances:
        if window.series.label.get("phase", STEADY) == STEADY and window.count:
            held.setdefault(window.start, []).append((window.errors, window.count))
    excess = freedom = 0.0
    for counts in held.values():
        failed, n = np.array(counts, dtype=float).T
        rate = failed.sum() / n.sum()
        if len(n) > 1 and 0.0 < rate < 1.0:
            excess += float(((failed - n * rate) ** 2 / (n * rate * (1.0 - rate))).sum())
            freedom += len(n) - 1
    beyond = excess / freedom - 1.0 if freedom else 0.0
    return 1.0 + REMEMBERS * max(beyond, 0.0)


def _steady(windows: Iterable[Window], version: str, span: Interval) -> Sequence[Window]:
    return [w for w in windows if belongs(w, version, span)]
