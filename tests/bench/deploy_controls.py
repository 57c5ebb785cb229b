"""What one would write first to judge a deploy: the controls of the deploys benchmark.

Welch's and Mann and Whitney's tests on single requests, with Bonferroni's correction over the
operations: they take each request for independent of the next. And a judge like Kayenta's, on the
minutes' values of each metric: Mann and Whitney with the Hodges-Lehmann estimate, a 98 % interval,
outliers beyond three times the interquartile range left out; a metric is high if the lower end of
the interval is above a quarter of the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from perfd.detect.case import DeployCase
from perfd.detect.cells import OCTAVE
from perfd.detect.columns import Array, Columns, columns
from perfd.detect.sides import by_operation, version_of
from perfd.detect.tails import normal_quantile, normal_tail
from perfd.model.series import STEADY
from perfd.model.window import Gauge
from tests.bench.deploy_world import DEPLOYED, MINUTE

CONFIDENCE = 0.98
FRACTION = 0.25  # of the estimate, that the interval has to exceed
FENCE = 3.0
PASS = 0.95  # of the metrics, below which Kayenta's score fails a whole canary


class Controls(NamedTuple):
    """Whether each finds anything that got worse; `score` is Kayenta's own verdict on the whole."""

    welch: bool
    mann_whitney: bool
    kayenta: bool
    score: bool


def controls(case: DeployCase, end: float, alpha: float) -> Controls:
    """The verdicts at `end`, on an hour before the deploy and all of the time after."""
    since = DEPLOYED - 60 * MINUTE
    steady = [
        w for w in case.requests if w.series.label["phase"] == STEADY and since <= w.start < end
    ]
    before = by_operation(w for w in steady if version_of(w) == "1" and w.start < DEPLOYED)
    after = by_operation(w for w in steady if version_of(w) == "2")
    pairs = [(columns(before[o]), columns(after[o])) for o in sorted(set(before) & set(after))]
    high = [_high(*sides) for pair in pairs for sides in _of_operation(*pair)]
    high.append(_high(_per_request(case, "1"), _per_request(case, "2")))
    alpha /= len(pairs)
    return Controls(
        any(_welch(a, b) < alpha for a, b in pairs),
        any(_mann_whitney(a, b) < alpha for a, b in pairs),
        any(high),
        1.0 - sum(high) / len(high) < PASS,
    )


def _welch(before: Columns, after: Columns) -> float:
    """On ln(latency)."""
    means, variance = [], 0.0
    for side in (before, after):
        n, mean = side.measured.sum(), side.logs.sum() / side.measured.sum()
        means.append(mean)
        variance += (side.squares.sum() / n - mean * mean) / n
    return normal_tail((means[1] - means[0]) / math.sqrt(variance))


def _mann_whitney(before: Columns, after: Columns) -> float:
    """From the counts of buckets, with the correction for ties."""
    low = int(min(before.bucket.min(), after.bucket.min()))
    width = int(max(before.bucket.max(), after.bucket.max())) - low + 1
    old, new = (np.bincount(s.bucket - low, s.held, width) for s in (before, after))
    n0, n1 = old.sum(), new.sum()
    wins = float(new @ (np.cumsum(old) - old / 2.0))
    ties = float(((old + new) ** 3 - (old + new)).sum())
    n = n0 + n1
    variance = n0 * n1 / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)))
    return normal_tail((wins - n0 * n1 / 2.0) / math.sqrt(variance))


def _of_operation(before: Columns, after: Columns) -> Iterator[tuple[Array, Array]]:
    """The minutes' values of each metric of an operation."""
    yield _means(before), _means(after)
    yield _p95(before), _p95(after)
    yield before.errors / before.requests, after.errors / after.requests


def _means(side: Columns) -> Array:
    return np.asarray(np.exp(side.logs / side.measured))


def _p95(side: Columns) -> Array:
    low = int(side.bucket.min())
    counts = np.zeros((len(side), int(side.bucket.max()) - low + 1))
    np.add.at(counts, (side.row, side.bucket - low), side.held)
    reached = np.cumsum(counts, axis=1)
    column = (reached >= 0.95 * reached[:, -1:]).argmax(axis=1)
    return np.asarray(np.exp((low + column + 0.5) * OCTAVE))


def _per_request(case: DeployCase, version: str) -> Array:
    """CPU seconds per request, minute by minute."""
    requests: dict[float, int] = {}
    for window in case.requests:
        if version_of(window) == version and window.series.label["phase"] == STEADY:
            requests[window.start] = requests.get(window.start, 0) + window.count
    found = [_ratio(g, requests) for g in case.cpu if _steady(g, version)]
    return np.array(found)


def _steady(gauge: Gauge, version: str) -> bool:
    label = gauge.series.label
    since = DEPLOYED - 60 * MINUTE
    return label["version"] == version and label["phase"] == STEADY and gauge.start >= since


def _ratio(gauge: Gauge, requests: dict[float, int]) -> float:
    return gauge.total / requests[gauge.start]


def _high(before: Array, after: Array) -> bool:
    old, new = _within_fence(before), _within_fence(after)
    differences = np.sort(np.subtract.outer(new, old).ravel())
    pairs = len(differences)
    deviation = math.sqrt(pairs * (len(old) + len(new) + 1.0) / 12.0)
    place = pairs / 2.0 - normal_quantile(0.5 + CONFIDENCE / 2.0) * deviation
    if place < 1.0:
        return False
    return bool(differences[int(place)] > FRACTION * abs(float(np.median(differences))))


def _within_fence(values: Array) -> Array:
    low, high = np.quantile(values, (0.25, 0.75))
    room = FENCE * (high - low)
    return values[(values >= low - room) & (values <= high + room)]


__all__: Sequence[str] = ("Controls", "controls")
