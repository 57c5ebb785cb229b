"""Requests as spans and as a metric count them; detect/speaker.py says which of the two speaks."""

from __future__ import annotations

from collections.abc import Sequence

from perfd.interfaces import Labels, Store
from perfd.model.series import (
    INSTANCE_REQUESTS,
    METRIC_INSTANCE_REQUESTS,
    METRIC_REQUESTS,
    REQUESTS,
    Series,
)
from perfd.model.window import Window

Counted = tuple[Sequence[Window], Sequence[Window]]  # by spans, by the metric

BY_OPERATION = REQUESTS, METRIC_REQUESTS
BY_INSTANCE = INSTANCE_REQUESTS, METRIC_INSTANCE_REQUESTS


def requests(
    store: Store, labels: Labels, start: float, end: float, step: float | None = None
) -> Counted:
    """Windows of [start, end) by operation."""
    spans, metric = (store.windows(name, labels, start, end, step) for name in BY_OPERATION)
    return spans, metric


def instance_requests(
    store: Store, labels: Labels, start: float, end: float, step: float | None = None
) -> Counted:
    """Windows of [start, end) by instance."""
    spans, metric = (store.windows(name, labels, start, end, step) for name in BY_INSTANCE)
    return spans, metric


def known(store: Store, labels: Labels) -> list[Series]:
    """The series by operation that the store knows."""
    return [series for name in BY_OPERATION for series in store.series(name, labels)]
