"""Everything that is read from the store to explain one change that the scan found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfd.detect.host_readings import HostReadings
from perfd.detect.scan.table import Subject
from perfd.detect.settings import DetectSettings
from perfd.model.finding import Interval
from perfd.model.window import Gauge, Window

FLOOR = 0.01  # relative, smallest change of the scan that is worth saying


@dataclass(frozen=True, slots=True)
class Change:
    """What the scan says: a subject changed at `at`, with the 95 % interval of that time.

    `shift` is ln(after / before), or the difference of two rates; its sign is the direction.
    `found` is when an evaluation first saw it, in the time of its data.
    """

    subject: Subject
    at: float
    ci: Interval
    shift: float
    found: float


@dataclass(frozen=True, slots=True)
class ScanCase:
    """One change of one subject, at a time that nobody announced.

    Windows in the interval of its time are of neither side. `before` and `after` are the spans of
    the sides, `width` seconds the step that everything was read in. `requests` are the windows of
    all operations, status classes and versions of the service in both spans, `instances` the same
    by instance, `cpu` its CPU seconds. Where `by_metric`, a metric counted the requests, and
    `unspoken` are the spans that were left out. `earlier` are the same hours so many days before.
    Of a subject without a service (a host) nothing is there.
    """

    change: Change
    settings: DetectSettings
    pace: float
    width: float
    before: Interval
    after: Interval
    floor: float = FLOOR  # relative; of rates it is that of the settings
    requests: tuple[Window, ...] = ()
    instances: tuple[Window, ...] = ()
    cpu: tuple[Gauge, ...] = ()
    by_metric: bool = False
    unspoken: tuple[Window, ...] = ()
    hosts: HostReadings | None = None  # of its processes and of the hosts under them
    earlier: Mapping[float, tuple[Window, ...]] = field(default_factory=dict)  # by days before

    @property
    def subject(self) -> Subject:
        """What changed."""
        return self.change.subject

    @property
    def shift(self) -> float:
        """By how much, as the scan says."""
        return self.change.shift
