"""Profiles of the past, put straight into the store: one window an hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from perfd.interfaces import Store
from perfd.model.batch import Batch
from perfd.model.profile import PROFILE, Function, ProfileWindow, Symbols, Weight
from perfd.model.series import STEADY, Series

Stack = tuple[str, ...]  # root first; "file.py:name"
HOUR = 3600.0
PERIOD = 10_000_000  # ns between two samples


def put_profiles(
    store: Store,
    service: str,
    hours: int,
    now: float,
    samples: Callable[[int], Mapping[Stack, float]],
    seed: int,
    version: str = "1.0.0",
) -> None:
    """`samples` says how many an hour to expect of each stack, by hours before `now`."""
    draw = np.random.default_rng(seed)
    labels = {"service": service, "version": version, "environment": "prod"}
    series = Series.of(PROFILE, **labels, type="process_cpu:cpu", phase=STEADY)
    for ago in range(hours, 0, -1):
        symbols = Symbols()
        weights = {}
        for stack, expected in samples(ago).items():
            hits = int(draw.poisson(expected))
            if hits:
                node = symbols.intern(tuple(_function(frame) for frame in stack))
                weights[node] = Weight(hits * PERIOD, hits)
        start = now - ago * HOUR
        window = ProfileWindow(series, start, 60.0, "nanoseconds", weights, HOUR, 60)
        store.append(Batch(profiles=(window,), symbols=symbols))


def _function(frame: str) -> Function:
    file, _, name = frame.rpartition(":")
    return Function(name, file, 1)
