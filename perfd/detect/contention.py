"""Contention: what the machines under a service had left for it, before and after a change.

The same code is slower where somebody else takes the cores. Three things tell that from a slower
program: others used more of the host (or its hypervisor gave more of it away), the service's own
CPU seconds per request did not rise, and what its threads waited for a core is a good part of what
its requests took longer. The last is measured where the kernel counts it (Linux schedstat); else it
is bounded: contention stretches CPU time, and not the waiting for a disk or for another service.

A container that hits its own CPU limit is not contention: the limit belongs to the deploy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from perfd.detect.host_readings import HostReadings, Seat
from perfd.detect.wording import milliseconds, percent, share
from perfd.model.finding import Check
from perfd.model.window import Window

NAME = "host contention"
OTHERS = 0.10  # of all cores, more than before; less is the breathing of any host
WAITS = 0.10  # seconds of waiting by the second of CPU, more than before
FEW = 0.05  # of the requests; fewer under contention explain nothing
BUSY = 0.70  # of all cores; below, a thread that wants one finds one
# Of the rise of latency that the waits for a core must make up. Not all of it: where requests
# queue for one thread, each waits for the waits of those before it. With that thread busy half of
# the time (M/M/1), CPU time stretched by 10 % or 30 % is 0.4 or 0.17 of what it adds to latency.
PART = 0.25
OWN = 0.5  # of the rise of latency; above, the code itself takes more CPU


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of some requests: means over their instances and intervals; the last three are per request.

    `others` is the share of all cores of its host that was used by anything but the service, or
    given away by the hypervisor, `busy` by anything at all. `wait` is None where it was not
    measured. `seats` and `held_up` tell `others`, and seconds of waiting by second of CPU, for each
    instance and interval; the latter only where the host had no core to spare.
    """

    others: float
    busy: float
    cpu: float
    wait: float | None
    latency: float
    seats: Mapping[Seat, float]
    held_up: Mapping[Seat, float] = field(default_factory=dict)


def conditions(held: HostReadings, requests: Sequence[Window]) -> Conditions | None:
    """From what was read of the service's instances and hosts, and its steady windows by instance.

    None where no instance is known to run on a host whose CPU was read, or nothing was measured.
    """
    served = {seat_of(window): window for window in requests}
    homes = {seat: (held.home[seat], seat[1]) for seat in served.keys() & held.home.keys()}
    homes = {seat: home for seat, home in homes.items() if home in held.busy}
    measured = sum(w.histogram.count for w in requests)
    cpu = _per_request(held.cpu, served)
    if not homes or not measured or cpu is None:
        return None
    taken = {seat: held.busy[home] + held.steal.get(home, 0.0) for seat, home in homes.items()}
    seats = {seat: max(taken[seat] - held.own[home], 0.0) for seat, home in homes.items()}
    return Conditions(
        fmean(seats.values()),
        fmean(taken.values()),
        cpu,
        _per_request(held.wait, served),
        sum(w.histogram.total for w in requests) / measured,
        seats,
        {seat: held.wait[seat] / held.cpu[seat] for seat in _held_up(held, taken)},
    )


def _held_up(held: HostReadings, taken: Mapping[Seat, float]) -> Iterator[Seat]:
    return (
        seat
        for seat, busy in taken.items()
        if busy >= BUSY and seat in held.wait and held.cpu.get(seat, 0.0) > 0.0
    )


def seat_of(window: Window) -> Seat:
    """Where and when the requests of a window were served."""
    return window.series.label.get("instance", ""), window.start


def crowded(before: Conditions, after: Conditions) -> frozenset[Seat]:
    """Where and when others left less of the host than was usual before.

    Where a host is always busy, that shows in how long threads wait for a core, and not in how much
    of it is used.
    """
    limit = before.others + OTHERS
    seats = {seat for seat, others in after.seats.items() if others >= limit}
    if before.wait is not None and before.cpu > 0.0:
        usual = before.wait / before.cpu
        seats |= {seat for seat, wait in after.held_up.items() if wait >= usual + WAITS}
    return frozenset(seats)


def undisturbed(before: Conditions, after: Conditions) -> Check:
    """The verdict where hosts were no busier: passed."""
    verdict = f"its host was no busier: {_hosts(before, after)}{_limited(before, after)}"
    return Check(
        NAME, True, verdict, {"others before": before.others, "others after": after.others}
    )


def contended(before: Conditions, after: Conditions, rise: float) -> Check:
    """Whether a host that got busier explains a latency that rose by `rise` (0.28 is 28 %).

    `after` are the conditions of the crowded requests. Passed means that it does not, and why.
    """
    own = after.cpu / before.cpu - 1.0 if before.cpu > 0.0 else 0.0
    inputs: dict[str, float | int | str] = {
        "rise": rise,
        "others before": before.others,
        "others after": after.others,
        "busy after": after.busy,
        "own cpu": own,
    }
    if before.wait is not None and after.wait is not None:
        inputs |= {"wait before": before.wait, "wait after": after.wait}
    hosts = _hosts(before, after)
    if own >= OWN * rise:
        verdict = f"its host was busier ({hosts}), and so was the code: CPU per request"
        return Check(NAME, True, f"{verdict} {percent(own)}", inputs)
    innocent = _innocent(before, after, rise)
    if innocent:
        return Check(NAME, True, f"its host was busier ({hosts}), but {innocent}", inputs)
    verdict = (
        f"{BLAMED}: {hosts}; its own CPU per request {milliseconds(before.cpu)} before, "
        f"{milliseconds(after.cpu)} after{_waits(before, after)}"
    )
    return Check(NAME, False, verdict, inputs)


BLAMED = "the host was busy with something else"


def _innocent(before: Conditions, after: Conditions, rise: float) -> str:
    """Why a busier host did not do it; empty when it may have."""
    if before.wait is not None and after.wait is not None:
        waited = after.wait - before.wait
        if waited >= PART * rise * before.latency:
            return ""
        return f"its requests waited only {milliseconds(max(waited, 0.0))} longer for a core"
    if after.busy < BUSY:
        return f"only {share(after.busy)} of its cores were in use"
    if before.cpu < PART * rise * before.latency:
        return f"a request takes only {milliseconds(before.cpu)} of CPU"
    return ""


def _hosts(before: Conditions, after: Conditions) -> str:
    return f"others used {share(before.others)} of its cores before, {share(after.others)} after"


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


def _per_request(spent: Mapping[Seat, float], served: Mapping[Seat, Window]) -> float | None:
    """Seconds by the request, over the intervals that hold both."""
    both = spent.keys() & served.keys()
    requests = sum(served[seat].count for seat in both)
    return sum(spent[seat] for seat in both) / requests if requests else None
