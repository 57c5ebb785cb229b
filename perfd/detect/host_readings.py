"""What was read of a service's instances and of the hosts under them, by where and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from perfd.model.series import CPU_SHARE, CPU_TIME, CPU_WAIT, HOST_CPU, HOST_STEAL
from perfd.model.window import Gauge

Seat = tuple[str, float]  # an instance (or a host) and the start of an interval


class HostReadings:
    """Sorted once, since each operation that got slower asks.

    By host: `busy` and `steal` are shares of all cores and of the time, `own` the share of the
    cores that the service used. By instance: `home` is its host, `cpu` and `wait` are seconds.
    """

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self.busy: dict[Seat, float] = {}
        self.steal: dict[Seat, float] = {}
        self.own: defaultdict[Seat, float] = defaultdict(float)
        self.home: dict[Seat, str] = {}
        self.cpu: defaultdict[Seat, float] = defaultdict(float)
        self.wait: defaultdict[Seat, float] = defaultdict(float)
        for gauge in gauges:
            self._add(gauge)

    def _add(self, gauge: Gauge) -> None:
        name, label, at = gauge.series.name, gauge.series.label, gauge.start
        host, instance = (label.get("host", ""), at), (label.get("instance", ""), at)
        if name == HOST_CPU:
            self.busy[host] = gauge.mean
        elif name == HOST_STEAL:
            self.steal[host] = gauge.mean
        elif name == CPU_SHARE:
            self.own[host] += gauge.mean
            self.home[instance] = label.get("host", "")
        elif name == CPU_TIME:
            self.cpu[instance] += gauge.total
        elif name == CPU_WAIT:
            self.wait[instance] += gauge.total
