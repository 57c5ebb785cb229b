"""Resources of this machine, read at an even pace and given to the aggregate."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from perfd.interfaces import Sampler
from perfd.model.window import Reading


class AddsReadings(Protocol):
    """The part of the aggregator that takes readings."""

    def add_readings(self, readings: Sequence[Reading]) -> None:
        """Aggregate readings."""
        ...


class SampleJob:
    """Reads in a thread, since /proc can block; adds on the loop, where the aggregate lives."""

    def __init__(self, sampler: Sampler, aggregate: AddsReadings) -> None:
        self._sampler = sampler
        self._aggregate = aggregate

    async def run(self, now: float) -> None:
        """One reading of everything."""
        readings = await asyncio.to_thread(self._sampler.sample, now)
        self._aggregate.add_readings(readings)
