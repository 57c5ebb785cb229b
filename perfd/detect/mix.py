"""What a change of mix alone does to a metric: the new requests, weighted as the old ones were.

A mixture of strata with weights w and laws h moves when either does. With the new laws at the old
weights, H1* = sum w0_i h1_i, what is left is the change within; the rest is the mix (Simpson's
paradox; Kitagawa's decomposition where the metric is a mean).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from perfd.detect import measures
from perfd.detect.cells import OCTAVE, bucket_matrix, place
from perfd.model.histogram import EMPTY, Histogram
from perfd.model.series import Series
from perfd.model.window import Window

Strata = Mapping[str, Histogram]
Weights = Mapping[str, float]


def strata(windows: Iterable[Window], *labels: str) -> Strata:
    """All requests of each combination of these labels."""
    held: defaultdict[str, Histogram] = defaultdict(lambda: EMPTY)
    for window in windows:
        name = " ".join(window.series.label.get(label, "") for label in labels)
        held[name] = held[name].merge(window.histogram)
    return held


def added(metric: str, before: Strata, after: Strata, *, gone: bool = False) -> float | None:
    """What the mix adds to ln(latency); None where no stratum is on both sides.

    With `gone`, strata that went away count as they were, and that they did is part of the mix.
    """
    common = [s for s in before if before[s].count and s in after and after[s].count]
    if not common:
        return None
    level = _level(metric)
    now = {s: after[s] for s in after if after[s].count}
    as_before = {s: after[s] for s in common}
    if gone:
        as_before = {s: as_before.get(s, h) for s, h in before.items() if h.count}
    weights = {s: float(before[s].count) for s in as_before}
    return level(now, {s: float(h.count) for s, h in now.items()}) - level(as_before, weights)


def dearer(before: Strata, after: Strata) -> float | None:
    """What the mix adds to ln(CPU per request), if CPU goes with latency."""
    known = {o: h.mean for o, h in before.items() if h.count}
    if len(known) < 2:
        return None
    old = sum(before[o].count * known[o] for o in known) / sum(before[o].count for o in known)
    seen = {o: h.count for o, h in after.items() if o in known}
    if not seen or old <= 0.0:
        return None
    new = sum(n * known[o] for o, n in seen.items()) / sum(seen.values())
    return math.log(new / old)


def _level(metric: str) -> Callable[[Strata, Weights], float]:
    q = measures.QUANTILES.get(metric)
    return _mean if q is None else lambda held, weights: _quantile(held, weights, q)


def _mean(held: Strata, weights: Weights) -> float:
    return sum(weights[s] * held[s].mean_log for s in held) / sum(weights.values())


def _quantile(held: Strata, weights: Weights, q: float) -> float:
    """The quantile of a mixture of histograms, as ln(latency)."""
    names = list(held)
    windows = [Window(Series("", ()), 0.0, 1.0, 0, 0, held[name]) for name in names]
    counts, lowest = bucket_matrix(windows)
    parts = np.array([weights[name] for name in names]) / np.maximum(counts.sum(axis=1), 1.0)
    return (lowest + place(parts @ counts, q)) * OCTAVE
