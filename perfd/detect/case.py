"""Everything that is read from the store to judge one deploy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfd.detect.budget import Share
from perfd.detect.host_readings import HostReadings
from perfd.detect.neighbours import Neighbours
from perfd.detect.settings import DetectSettings
from perfd.model.deploy import Deploy
from perfd.model.profile import ProfileWindow, Symbols
from perfd.model.window import Gauge, Window


@dataclass(frozen=True, slots=True)
class DeployCase:
    """One deploy of one service in one environment.

    `requests` are the service's windows of all versions and phases, as fine as stored (`width`
    seconds), and `history` older ones of the previous version, coarser. `end` is up to when the
    data is complete. `looks` have been taken before; `opened` is the finding that they opened, or
    empty. `others` are steady windows of other services in the same environment. Where `by_metric`,
    a metric counted the requests, and `unspoken` are the spans that were left out.
    """

    deploy: Deploy
    settings: DetectSettings
    pace: float
    width: float
    end: float
    looks: int
    opened: str
    requests: tuple[Window, ...]
    history: tuple[Window, ...] = ()
    instances: tuple[Window, ...] = ()
    cpu: tuple[Gauge, ...] = ()
    cpu_history: tuple[Gauge, ...] = ()
    others: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    profiles: tuple[ProfileWindow, ...] = ()
    symbols: Symbols = field(default_factory=Symbols)
    exemplars: tuple[Window, ...] = ()
    resources: tuple[Gauge, ...] = ()
    hosts: HostReadings | None = None  # the same, once they were read
    by_metric: bool = False
    unspoken: tuple[Window, ...] = ()
    earlier: Mapping[float, tuple[Window, ...]] = field(default_factory=dict)  # by days before
    neighbours: Neighbours | None = None  # read when something is to be opened
    share: Share = field(default_factory=Share)  # of the service's false-alarm budget

    def seconds(self, real: float) -> float:
        """A duration of the settings at this pace."""
        return real / self.pace
