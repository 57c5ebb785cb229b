"""OTLP metrics as the aggregate reads them: whatever the decoder made, seen as plain types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perfd.model.series import Resource

DELTA, CUMULATIVE = 1, 2  # aggregation temporality
NO_VALUE = 1  # bit of a data point's flags: the sender has nothing to say


@dataclass(frozen=True, slots=True)
class MetricBatch:
    """Metrics of one resource and one scope.

    Each has OTLP's `name`, `unit` and one of `gauge`, `sum`, `histogram`, `exponential_histogram`
    with `data_points`; attributes are encoded KeyValues, packed numbers their bytes on the wire.
    """

    resource: Resource
    metrics: Sequence[Any]
