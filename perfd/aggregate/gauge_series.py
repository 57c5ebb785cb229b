"""The series of gauges that come as OTLP metrics, and of an instance's own CPU time and memory."""

from __future__ import annotations

from collections.abc import Sequence

from perfd.aggregate.cardinality import Cardinality
from perfd.aggregate.operation import decoded
from perfd.aggregate.origin import Origin
from perfd.aggregate.streams import Unusable
from perfd.aggregate.warmup import InstanceKey, Warmup
from perfd.model.series import (
    CPU_SHARE,
    CPU_TIME,
    CPU_WAIT,
    MEMORY,
    UNKNOWN,
    WARMUP,
    Resource,
    Series,
)
from perfd.model.text import shorten
from perfd.model.window import Reading

_MOST_ATTRIBUTES = 8
_NAME, _KEY, _VALUE = 128, 64, 128  # characters
_SAMPLED_SECONDS = 120.0  # how long a reading of this machine outranks what a process says itself
_MOST_SAMPLED = 10_000
_OWN = ("service", "version", "environment", "instance", "phase")


class GaugeSeries:
    """Labels of gauges, under the cap; CPU time is told by phase."""

    def __init__(self, cardinality: Cardinality, warmup: Warmup) -> None:
        self._cardinality = cardinality
        self._warmup = warmup
        self._sampled: dict[tuple[str, InstanceKey], float] = {}
        self._phases: dict[InstanceKey, str] = {}  # as of the last reading of its CPU time

    def of_reading(self, reading: Reading) -> Series:
        """The series of a reading: an instance has its labels under the cap, CPU time its phase."""
        name, labels = reading.series.name, reading.series.label
        if name not in {CPU_TIME, MEMORY, CPU_SHARE, CPU_WAIT}:
            return reading.series
        key = InstanceKey(*(labels.get(field, UNKNOWN) for field in InstanceKey._fields))
        key = InstanceKey.of(self._cardinality.resource(Resource(*key), reading.at))
        if name in {CPU_SHARE, CPU_WAIT}:
            return Series.of(name, **key._asdict(), host=labels.get("host", UNKNOWN))
        self._note(name, key, reading.at)
        return self._own(name, key, reading.at)

    def of_metric(
        self, origin: Origin, name: str, attributes: Sequence[bytes], at: float
    ) -> Series:
        """The series of a data point. Raises Unusable."""
        if name in {CPU_TIME, MEMORY}:
            if abs(at - self._sampled.get((name, origin.key), float("-inf"))) < _SAMPLED_SECONDS:
                raise Unusable("duplicate")
            return self._own(name, origin.key, at)
        labels = _labels(attributes)
        told = "\0".join((name, *(part for pair in labels.items() for part in pair)))
        if not name or not self._cardinality.gauge(origin.labels, told, at):
            raise Unusable("cardinality" if name else "malformed")
        return Series.of(shorten(name, _NAME), **labels, **origin.key._asdict())

    def _note(self, name: str, key: InstanceKey, at: float) -> None:
        if len(self._sampled) >= _MOST_SAMPLED:
            recent = self._sampled.items()
            self._sampled = {k: v for k, v in recent if abs(at - v) < _SAMPLED_SECONDS}
        self._sampled[name, key] = at

    def _own(self, name: str, key: InstanceKey, at: float) -> Series:
        labels = key._asdict()
        if name == CPU_TIME:
            labels["phase"] = self._phase(key, at)
        return Series.of(name, **labels)

    def _phase(self, key: InstanceKey, at: float) -> str:
        """Of CPU time since the reading before: steady if the instance was so already by then.

        What a process spent on its imports and first requests is else charged to its steady ones:
        with a reading a minute and 40 requests a minute, a third of a minute's CPU.
        """
        if len(self._phases) >= _MOST_SAMPLED:
            self._phases.clear()
        self._warmup.seen(key, at)
        before = self._phases.get(key, WARMUP)
        self._phases[key] = self._warmup.phase(key, at)
        return before


def _labels(attributes: Sequence[bytes]) -> dict[str, str]:
    """A few of a point's attributes; those that perfd's own labels are called by are left out."""
    pairs = sorted(decoded(attributes[:_MOST_ATTRIBUTES]).items())
    return {shorten(k, _KEY): shorten(v, _VALUE) for k, v in pairs if k not in _OWN}
