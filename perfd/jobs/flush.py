"""Increments to the store, and the request log forgotten as far as the store reaches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from perfd.errors import PerfdError
from perfd.interfaces import Clock, Meter, RequestLog, Store
from perfd.model.batch import Batch

log = logging.getLogger(__name__)


class Takes(Protocol):
    """The part of the aggregator that gives increments."""

    def take(self, now: float) -> Batch:
        """All increments since the last take."""
        ...


class FlushJob:
    """Takes what was aggregated and commits it; a batch that was not written is kept."""

    def __init__(
        self,
        aggregate: Takes,
        store: Store,
        log_: RequestLog,
        clock: Clock,
        meter: Meter,
        flushed: Callable[[Batch], None],
    ) -> None:
        self._aggregate = aggregate
        self._store = store
        self._log = log_
        self._clock = clock
        self._meter = meter
        self._flushed = flushed
        self._held: Batch | None = None
        self._one_at_a_time = asyncio.Lock()
        self.reached = 0.0  # all that was aggregated before is in the store

    async def run(self, now: float) -> None:
        """One flush. Raises StoreError or Overloaded when the batch was not taken; it is kept."""
        async with self._one_at_a_time:
            again = self._held is not None
            batch = self._held or self._aggregate.take(now)
            if not batch.empty:
                self._held = batch
                await asyncio.to_thread(self._store.append, batch)
                self._held = None
                self._account(batch)
            if not again:
                self.reached = now

    def _account(self, batch: Batch) -> None:
        for signal, items in batch.items.items():
            self._meter.count("perfd_stored_items", items, signal=signal)
        if batch.log_position is not None:
            self._log.forget(batch.log_position)
        self._flushed(batch)

    def held(self, signal: str) -> int:
        """Items of a signal that were taken and are not in the store yet."""
        return self._held.items.get(signal, 0) if self._held is not None else 0

    async def drain(self, now: float) -> None:
        """Flush until nothing is left, including a batch that was held."""
        try:
            await self.run(now)
            await self.run(now)
        except PerfdError:
            log.exception("the last windows could not be stored; the request log still has them")
