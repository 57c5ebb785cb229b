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
from perfd.detect.canary.sequences import enough, evidence, lower
from perfd.detect.cells import Cells, mean_cells
from perfd.detect.columns import columns
from perfd.detect.noise import noise
from perfd.detect.sides import by_operation, version_of
from perfd.model.series import STEADY
from perfd.model.window import Window

ALPHA = 0.01  # of a deploy, over all operations, metrics and times
METRICS = 2
FEWEST = 50  # requests of the new version
LEAST_BETWEEN = 4e-4  # long-run variance between cells: sd of 1 %, correlation of .6
REMEMBERS = 4.0  # by which a correlation of .6 widens what bursts add to a sum over cells


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`sure` is what the shift is no less than: ln of a ratio, or a difference of rates (0).

    `cells` are those in which both served; `alpha` is what this sequence was given.
    """

    operation: str
    metric: str
    cells: Both
    before: float
    after: float
    sure: float
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
        usual = mean_cells(columns(known[name]))
        if cells.new.sum() >= FEWEST:
            yield from _slower(case, name, cells, usual, alpha)
            yield from _failing(case, name, cells, dispersion, alpha)


def _slower(
    case: CanaryCase, operation: str, cells: Both, usual: Cells | None, alpha: float
) -> Iterator[Suspicion]:
    """Mean log latency: the lower end of the sequence is above the floor."""
    held = (cells.measured_old > 0.0) & (cells.measured_new > 0.0)
    if usual is None or not held.any():
        return
    n_old, n_new = cells.measured_old[held], cells.measured_new[held]
    logs_old, logs_new = cells.logs_old[held], cells.logs_new[held]
    between = max(noise([usual]).long_run, LEAST_BETWEEN)
    variance = usual.sampling * (1.0 / n_old + 1.0 / n_new) + 2.0 * between
    sure = float(lower(logs_new / n_new - logs_old / n_old, variance, alpha)[-1])
    before, after = (math.exp(s.sum() / n.sum()) for s, n in ((logs_old, n_old), (logs_new, n_new)))
    matters = after - before >= case.settings.floor_seconds
    if sure >= math.log1p(case.settings.floor) and matters:
        yield Suspicion(operation, measures.LATENCY_MEAN, cells, before, after, sure, alpha)


def _failing(
    case: CanaryCase, operation: str, cells: Both, dispersion: float, alpha: float
) -> Iterator[Suspicion]:
    """Errors: the e-value is enough, and the difference of the rates above the floor."""
    counts = cells.failed_old, cells.old, cells.failed_new, cells.new
    before, after = (float(k.sum() / n.sum()) for k, n in (counts[:2], counts[2:]))
    told = evidence(*counts, dispersion)[-1]
    if told >= enough(alpha) and after - before >= case.settings.error_floor:
        yield Suspicion(operation, measures.ERROR_RATE, cells, before, after, 0.0, alpha)


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


def _steady(windows: Iterable[Window], version: str, span: tuple[float, float]) -> Sequence[Window]:
    return [
        w
        for w in windows
        if version_of(w) == version
        and w.series.label.get("phase", STEADY) == STEADY
        and span[0] <= w.start < span[1]
    ]
