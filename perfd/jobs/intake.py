"""From a receiver to the aggregate: log it, count it, and answer when it is durable."""

from __future__ import annotations

import logging
from typing import Protocol

from perfd.errors import Overloaded
from perfd.interfaces import Clock, Delivery, Meter, RequestLog
from perfd.jobs.duplicates import RecentBodies

log = logging.getLogger(__name__)


class Adds(Protocol):
    """The part of the aggregator that takes deliveries."""

    def add(self, delivery: Delivery, position: int | None, now: float) -> None:
        """Aggregate one delivery."""
        ...


class LoggedIntake:
    """The Intake of interfaces.py.

    The record is appended and aggregated in one step of the event loop, so the log's positions and
    what the aggregate holds never disagree; only the answer waits for the disk.
    """

    def __init__(self, log_: RequestLog, aggregate: Adds, clock: Clock, meter: Meter) -> None:
        self._log = log_
        self._aggregate = aggregate
        self._clock = clock
        self._meter = meter
        self.recent = RecentBodies()
        self.open = False

    async def accept(self, delivery: Delivery) -> None:
        """Raises Overloaded while perfd starts or drains, or when the log is full."""
        if not self.open:
            raise Overloaded("perfd is starting or stopping", retry_after=2.0)
        now = self._clock.now()
        position = self.recent.position(delivery.signal, delivery.body, now)
        if position is None:
            position = self._take(delivery, now)
        else:
            self._repeated(delivery)
        del delivery  # what it holds is aggregated; it need not stay while the disk is slow
        await self._log.durable(position)

    def _take(self, delivery: Delivery, now: float) -> int:
        position = self._log.append(
            delivery.signal,
            delivery.media,
            delivery.encoding,
            delivery.received_at,
            delivery.body,
        )
        self.recent.remember(delivery.signal, delivery.body, position, now)
        add_safely(self._aggregate, delivery, position, now, self._meter)
        return position

    def _repeated(self, delivery: Delivery) -> None:
        """Its items are in the log already: accepted, and not counted twice."""
        items = delivery.items - delivery.rejected
        labels = {"stage": "intake", "signal": delivery.signal, "reason": "duplicate"}
        self._meter.count("perfd_dropped_items", items, **labels)


def add_safely(
    aggregate: Adds, delivery: Delivery, position: int, now: float, meter: Meter
) -> None:
    """Aggregate; a fault of perfd's own costs this delivery, with a count, and not the daemon."""
    try:
        aggregate.add(delivery, position, now)
    except Exception:
        log.exception("%s at position %d could not be aggregated", delivery.signal, position)
        meter.count(
            "perfd_dropped_items",
            delivery.items,
            stage="aggregate",
            signal=delivery.signal,
            reason="fault",
        )
