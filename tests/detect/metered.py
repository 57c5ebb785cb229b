"""A service that counts its own requests in a histogram, beside its spans or without them."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfd.aggregate.rebucket import from_explicit, from_exponential
from perfd.model.buckets import explicit_layout, exponential_layout
from perfd.model.histogram import Histogram
from perfd.model.series import METRIC_INSTANCE_REQUESTS, METRIC_REQUESTS, Series
from perfd.model.window import Gauge, Window
from tests.detect.world import Version, World

# The advice of the semantic conventions for http.server.request.duration, in seconds.
ADVICE = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


@dataclass
class Metered(Version):
    """`bounds` of its metric's buckets (none: exponential of `scale`), and the part of its spans
    that arrives: the `kept` slowest of them where `slowest`, else any."""

    operation: str = "GET /quote"
    bounds: Sequence[float] = ADVICE
    scale: int = 3
    kept: float = 0.0
    slowest: bool = False
    weighted: bool = True  # whether the sampler writes its threshold


@dataclass
class MeteredWorld(World):
    """The same world; each version's metric is written beside what is left of its spans."""

    def _minute(self, version: Version) -> list[Window | Gauge]:
        assert isinstance(version, Metered)
        n = int(self.rng.poisson(version.rate))
        if n == 0:
            return []
        spread = self.rng.normal(np.log(version.latency), version.spread, n)
        values = np.exp(spread).tolist()
        failed = int(self.rng.binomial(n, version.errors))
        return [*self._metric(version, values, failed), *self._spans(version, values, failed)]

    def _metric(self, version: Metered, values: list[float], failed: int) -> list[Window | Gauge]:
        layout, held = histogram(values, version)
        place = {"service": version.service, "version": version.name, "environment": "test"}
        labels = {"status": version.status, "phase": version.phase, "buckets": layout}
        red = Series.of(METRIC_REQUESTS, **place, operation=version.operation, **labels)
        instance = version.instance or f"{version.name}-1"
        each = Series.of(METRIC_INSTANCE_REQUESTS, **place, instance=instance, phase=version.phase)
        return [Window(s, self.now, self.width, len(values), failed, held) for s in (red, each)]

    def _spans(self, version: Metered, values: list[float], failed: int) -> list[Window | Gauge]:
        if version.slowest:
            taken = sorted(values)[len(values) - round(version.kept * len(values)) :]
        else:
            taken = [v for v in values if self.rng.random() < version.kept]
        if not taken:
            return []
        plain = Version(**{f.name: getattr(version, f.name) for f in dataclasses.fields(Version)})
        windows = super()._minute(plain)
        count = len(values) if version.weighted else len(taken)
        return [
            dataclasses.replace(w, count=count, errors=failed, histogram=Histogram.of(taken))
            for w in windows
            if isinstance(w, Window)
        ]


def histogram(values: Sequence[float], version: Metered) -> tuple[str, Histogram]:
    """The layout and the histogram that arrives."""
    if version.bounds:
        bounds = list(version.bounds)
        counts = [0] * (len(bounds) + 1)
        for value in values:
            counts[bisect_left(bounds, value)] += 1
        return explicit_layout(bounds), from_explicit(bounds, counts, sum(values), 1.0)
    buckets: dict[int, int] = {}
    for value in values:
        index = int(np.ceil(np.log2(value) * 2**version.scale)) - 1
        buckets[index] = buckets.get(index, 0) + 1
    held = from_exponential(buckets, 0, version.scale, sum(values), 1.0)
    return exponential_layout(version.scale), held
