"""Contention: what the machines under a service had left for it, before and after a change.

The same code is slower where somebody else takes the cores. Three things tell that from a slower
program: others used more of the host (or its hypervisor gave more of it away), the service's own
CPU seconds per request did not rise, and what its threads waited for a core is a good part of what
its requests took longer. The last is measured where the kernel counts it (Linux schedstat); else it
is bounded: contention stretches CPU time, and not the waiting for a disk or for another service.

A container that hits its own CPU limit is not contention: the limit belongs to the deploy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from perfd.detect.wording import milliseconds, percent, share
from perfd.model.finding import Check
from perfd.model.series import CPU_SHARE, CPU_TIME, CPU_WAIT, HOST_CPU, HOST_STEAL
from perfd.model.window import Gauge, Window

NAME = "host contention"
OTHERS = 0.10  # of all cores that others use more; less is the breathing of any host
STEAL = 0.05  # of the time, more than before
BUSY = 0.70  # of all cores; below, a thread that wants one finds one
# Of the rise of latency that the waits for a core must make up. Not all of it: where requests
# queue for one thread, each waits for the waits of those before it. With that thread busy half of
# the time (M/M/1), CPU time stretched by 10 % or 30 % is 0.4 or 0.17 of what it adds to latency.
PART = 0.25
OWN = 0.5  # of the rise of latency; above, the code itself takes more CPU

Key = tuple[str, float]  # a host or an instance, and the start of an interval


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of one side: means over its instances and intervals; CPU, waits and latency are per request.

    `others` is the share of all cores of its hosts that was used by anything but the service,
    `busy` by anything at all. `wait` is None where it was not measured. `quiet` tells each host's
    `others` by its name, and `home` each instance's host.
    """

    others: float
    busy: float
    steal: float
    cpu: float
    wait: float | None
    latency: float
    by_host: Mapping[str, float]
    home: Mapping[str, str]


def conditions(gauges: Iterable[Gauge], requests: Sequence[Window]) -> Conditions | None:
    """From the service's and its hosts' gauges, and the steady windows of one side by instance.

    None where no instance is known to run on a host whose CPU was read, or nothing was measured.
    """
    held = _Gauges(gauges)
    served = {(w.series.label.get("instance", ""), w.start): w for w in requests}
    seats = [(i, host, at) for (i, at), host in held.home.items() if (i, at) in served]
    seats = [seat for seat in seats if seat[1:] in held.busy]
    measured = sum(w.histogram.count for w in requests)
    cpu = _per_request(held.cpu, served)
    if not seats or not measured or cpu is None:
        return None
    others: defaultdict[str, list[float]] = defaultdict(list)
    for _, host, at in seats:
        others[host].append(max(held.busy[host, at] - held.own[host, at], 0.0))
    return Conditions(
        fmean(value for values in others.values() for value in values),
        fmean(held.busy[host, at] for _, host, at in seats),
        fmean(held.steal.get((host, at), 0.0) for _, host, at in seats),
        cpu,
        _per_request(held.wait, served),
        sum(w.histogram.total for w in requests) / measured,
        {host: fmean(values) for host, values in others.items()},
        {instance: host for instance, host, _ in seats},
    )


def contended(before: Conditions, after: Conditions, rise: float) -> Check:
    """Whether the hosts explain a latency that rose by `rise` (0.28 is 28 %).

    Passed means that they do not, and why.
    """
    own = after.cpu / before.cpu - 1.0 if before.cpu > 0.0 else 0.0
    inputs: dict[str, float | int | str] = {
        "rise": rise,
        "others before": before.others,
        "others after": after.others,
        "busy after": after.busy,
        "steal before": before.steal,
        "steal after": after.steal,
        "own cpu": own,
    }
    if before.wait is not None and after.wait is not None:
        inputs |= {"wait before": before.wait, "wait after": after.wait}
    hosts = _hosts(before, after)
    if not _busier(before, after):
        return Check(
            NAME, True, f"its host was no busier: {hosts}{_limited(before, after)}", inputs
        )
    if own >= OWN * rise:
        verdict = f"its host was busier ({hosts}), and so was the code: CPU per request"
        return Check(NAME, True, f"{verdict} {percent(own)}", inputs)
    against = _innocent(before, after, rise)
    if against:
        return Check(NAME, True, f"its host was busier ({hosts}), but {against}", inputs)
    verdict = (
        f"the host was busy with something else: {hosts}; its own CPU per request "
        f"{milliseconds(before.cpu)} before, {milliseconds(after.cpu)} after{_waits(before, after)}"
    )
    return Check(NAME, False, verdict, inputs)


def busier_hosts(before: Conditions, after: Conditions) -> frozenset[str]:
    """Hosts of the new side that others kept busier than they, or the old side's hosts, were."""
    return frozenset(
        host
        for host, others in after.by_host.items()
        if others - before.by_host.get(host, before.others) >= OTHERS
    )


def _busier(before: Conditions, after: Conditions) -> bool:
    return after.others - before.others >= OTHERS or after.steal - before.steal >= STEAL


def _innocent(before: Conditions, after: Conditions, rise: float) -> str:
    """Why a busier host did not do it; empty when it may have."""
    if before.wait is not None and after.wait is not None:
        waited = after.wait - before.wait
        if waited >= PART * rise * before.latency:
            return ""
        return f"its requests waited only {milliseconds(max(waited, 0.0))} longer for a core"
    if after.busy < BUSY and after.steal - before.steal < STEAL:
        return f"only {share(after.busy)} of its cores were in use"
    if before.cpu < PART * rise * before.latency:
        return f"a request takes only {milliseconds(before.cpu)} of CPU"
    return ""


def _hosts(before: Conditions, after: Conditions) -> str:
    words = f"others used {share(before.others)} of its cores before, {share(after.others)} after"
    if after.steal - before.steal < STEAL:
        return words
    return (
        f"{words}, its hypervisor took {share(before.steal)} and {share(after.steal)} of the time"
    )


def _waits(before: Conditions, after: Conditions) -> str:
    if before.wait is None or after.wait is None:
        return ""
    return f", waiting for a core {milliseconds(before.wait)} and {milliseconds(after.wait)}"


def _limited(before: Conditions, after: Conditions) -> str:
    """A word on waits that no host explains."""
    if before.wait is None or after.wait is None:
        return ""
    if after.wait - before.wait < PART * before.latency:
        return ""
    return f"; yet its threads wait longer for a core{_waits(before, after)}: a lower CPU limit?"


def _per_request(spent: Mapping[Key, float], served: Mapping[Key, Window]) -> float | None:
    """Seconds by the request, over the intervals that hold both."""
    both = spent.keys() & served.keys()
    requests = sum(served[key].count for key in both)
    return sum(spent[key] for key in both) / requests if requests else None


class _Gauges:
    """Gauges by what they are of and when."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self.busy: dict[Key, float] = {}
        self.steal: dict[Key, float] = {}
        self.home: dict[Key, str] = {}
        self.own: defaultdict[Key, float] = defaultdict(float)
        self.cpu: defaultdict[Key, float] = defaultdict(float)
        self.wait: defaultdict[Key, float] = defaultdict(float)
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
