"""Cumulative metrics to increments: what was last sent of each stream, and what came since.

A stream is one metric with one set of attributes of one resource. Where its start moved or its
count fell, the sender began anew, and all that it holds is new. Of the first point that perfd sees,
and after a long gap, only a young stream's content is known to be recent; an old one's may be of
last week, so it only says where to count from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perfd.aggregate.rebucket import coarser

YOUNG_SECONDS = 120.0  # two of the SDKs' default export intervals
GAP_SECONDS = 600.0
IDLE_SECONDS = 3600.0
SWEEP_SECONDS = 60.0
BUCKETS_PER_STREAM = 25

Counts = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Total:
    """What a stream holds at a time: a sum, and counts by bucket at a scale (if it is a histogram).

    Times are nanoseconds.
    """

    start: int
    time: int
    total: float
    count: int = 0
    zeros: int = 0
    scale: int = 0
    buckets: Counts | None = None

    @property
    def young(self) -> bool:
        """Whether everything in it is recent."""
        return 0 < self.start <= self.time and self.time - self.start <= YOUNG_SECONDS * 1e9


class Unusable(ValueError):
    """A data point that says nothing that can be counted; the text is the reason in the counter."""


class Streams:
    """The last total of each stream, at most `most` of them with 25 buckets each on average.

    A stream that finds no room is not followed: its points are refused rather than guessed at.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._last: dict[bytes, Total] = {}
        self._buckets = 0
        self._swept = 0

    def __len__(self) -> int:
        return len(self._last)

    def increment(self, key: bytes, new: Total) -> Total | None:
        """What came since the last point; None where that is not known. Raises Unusable."""
        last = self._last.get(key)
        if last is not None and new.time <= last.time:
            raise Unusable("out_of_order")
        self._keep(key, new, _size(new) - (_size(last) if last else 0))
        if last is None or new.time - last.time > GAP_SECONDS * 1e9:
            return new if new.young else None
        if _began_anew(last, new):
            return new
        return _difference(last, new) or new

    def _keep(self, key: bytes, new: Total, buckets: int) -> None:
        """Remember a total that adds so many buckets. Raises Unusable when there is no room."""
        if self._full(key, buckets):
            self._sweep(new.time)
            if self._full(key, buckets):
                raise Unusable("streams")
        self._last[key] = new
        self._buckets += buckets

    def _full(self, key: bytes, buckets: int) -> bool:
        if self._buckets + buckets > self._most * BUCKETS_PER_STREAM:
            return buckets > 0
        return key not in self._last and len(self._last) >= self._most

    def _sweep(self, time: int) -> None:
        """Forget idle streams, once a minute at most."""
        if abs(time - self._swept) < SWEEP_SECONDS * 1e9:
            return
        self._swept = time
        idle = IDLE_SECONDS * 1e9
        self._last = {k: v for k, v in self._last.items() if abs(time - v.time) < idle}
        self._buckets = sum(map(_size, self._last.values()))


def _size(total: Total) -> int:
    return len(total.buckets or ())


def _began_anew(last: Total, new: Total) -> bool:
    if new.start and last.start and new.start != last.start:
        return True
    fell = new.total < last.total if new.buckets is None else new.count < last.count
    return fell or new.zeros < last.zeros


def _difference(last: Total, new: Total) -> Total | None:
    """None where a bucket fell: it began anew after all."""
    buckets: dict[int, int] | None = None
    scale = new.scale
    if new.buckets is not None:
        scale = min(last.scale, new.scale)
        before = coarser(last.buckets or {}, last.scale - scale)
        buckets = coarser(new.buckets, new.scale - scale)
        for index, count in before.items():
            buckets[index] = buckets.get(index, 0) - count
        if min(buckets.values(), default=0) < 0:
            return None
    return Total(
        last.time,
        new.time,
        new.total - last.total,
        new.count - last.count,
        new.zeros - last.zeros,
        scale,
        buckets,
    )
