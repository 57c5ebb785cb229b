"""Measures what a deploy did for a ticket, and hands the rule's verdict to the follower."""

from __future__ import annotations

import copy
import dataclasses
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from perfd.detect.deploys import NO_VERSION
from perfd.detect.estimate import estimate
from perfd.detect.gauge_cells import level
from perfd.detect.speaker import chosen, metric_speaks
from perfd.detect.status_classes import ALL, of_class
from perfd.interfaces import Labels, Store
from perfd.jobs.follow import Follower
from perfd.jobs.function_share import FunctionShares
from perfd.jobs.requests import known, requests
from perfd.jobs.surroundings import disturbance
from perfd.model.evidence import Rule
from perfd.model.finding import Estimate
from perfd.model.series import CPU_TIME, OVERFLOW, STEADY, UNKNOWN
from perfd.model.series import MEMORY as MEMORY_USED
from perfd.model.ticket import State, Ticket, Verdict, Verification
from perfd.model.window import Window
from perfd.tickets.verify import ERRORS, Guard, due, verdict

log = logging.getLogger(__name__)

MIXED = 300.0  # seconds, divided by pace: as long as a rolling deploy usually takes
HOUR = 3600.0
CPU, MEMORY, SHARE = "cpu_per_request", "memory", "share"
SCAN = "scan"
GUARDED = "latency.p95"  # of other operations, when the ticket is not about latency itself


class VerifyJob:
    """Judges every ticket that is verifying, from the store's steady windows by version.

    `lateness` seconds of the newest data are left alone: their windows may still grow. Where the
    version label does not tell the fix from what ran before, `MIXED` after the deploy is left out.
    """

    def __init__(
        self, store: Store, follower: Follower, *, pace: float, lateness: float = 15.0
    ) -> None:
        self._store, self._follower, self._lateness = store, follower, lateness
        self._mixed, self._hour = MIXED / pace, HOUR / pace
        self._shares = FunctionShares(store, pace)

    def run(self, now: float) -> None:
        """One look at all of them; a ticket that cannot be judged does not stop the others."""
        for ticket in self._follower.tickets():
            if ticket.state is State.VERIFYING and ticket.verification.rule is not None:
                self._judge(ticket, ticket.verification.rule, now)

    def _judge(self, ticket: Ticket, rule: Rule, now: float) -> None:
        since = ticket.verification.since
        end = now - self._lateness
        if since is None or end <= since:
            return
        version = ticket.verification.version
        if not self._labelled(ticket, version):
            version, since = "", since + self._mixed
        fix = self._side(ticket, version, since, end)
        base = self._base(ticket)
        _speak(base, fix)
        if rule.metric == SHARE:
            after = self._shares.measure(ticket, version, since, end)
        else:
            after = fix.measure(ticket.operation, rule.metric, rule.status_class)
        if not due(rule, ticket.verification, after):
            return
        guards = _guards(ticket, rule, base, fix) if after and base else ()
        found = verdict(rule, ticket, after, guards, now)
        if after and found.verdict is not Verdict.VERIFIED and rule.metric != SHARE:
            found = self._despite_hosts(rule, ticket, base, fix, after, now) or found
        log.info("verdict on %s: %s %s", ticket.id, found.verdict, found.text)
        self._follower.judge(ticket.id, found, now)

    def _despite_hosts(
        self,
        rule: Rule,
        ticket: Ticket,
        base: _Side | None,
        fix: _Side,
        after: Estimate,
        now: float,
    ) -> Verification | None:
        """The verdict without the time in which hosts were busy with something else.

        Where too little is left of it, nothing is held against the fix yet if they explain it. None
        where hosts have nothing to do with it.
        """
        version = ticket.verification.version
        told_apart = version if self._labelled(ticket, version) else ""
        disturbed = disturbance(self._store, ticket, after, told_apart, self._step(ticket))
        if disturbed is None:
            return None
        quiet = fix.without(disturbed.busy)
        left = quiet.measure(ticket.operation, rule.metric, rule.status_class)
        guards = _guards(ticket, rule, base, quiet) if left and base else ()
        found = verdict(rule, ticket, left, guards, now)
        if found.verdict is not Verdict.INCONCLUSIVE:
            words = f"{found.text}, without the time in which the host was busy with something else"
            return dataclasses.replace(found, text=words)
        guards = _guards(ticket, rule, base, fix) if base else ()
        return verdict(rule, ticket, after, guards, now, disturbed.check)

    def _labelled(self, ticket: Ticket, version: str) -> bool:
        """Whether the label tells; where it does, a version without traffic is waited for."""
        if version == UNKNOWN:
            return False
        labels = {"service": ticket.service, "environment": ticket.environment}
        series = known(self._store, labels)
        return any(one.label.get("version", "") not in NO_VERSION for one in series)

    def _base(self, ticket: Ticket) -> _Side | None:
        """What ran before the ticket."""
        if ticket.before is None:
            return None
        return self._side(ticket, ticket.before.version, ticket.before.start, ticket.before.end)

    def _side(self, ticket: Ticket, version: str, start: float, end: float) -> _Side:
        labels = {"service": ticket.service, "environment": ticket.environment}
        labels |= {"version": version} if version else {}
        return _Side(self._store, labels, start, end, self._step(ticket))

    def _step(self, ticket: Ticket) -> float | None:
        """As fine as stored; of days, whose change was found by the hour, an hour."""
        return self._hour if ticket.trigger == SCAN else None


class _Side:
    """Steady windows of one version of a service over an interval, by operation."""

    def __init__(
        self, store: Store, labels: Labels, start: float, end: float, step: float | None
    ) -> None:
        steady = {**labels, "phase": STEADY}
        self.spans, self.metric = requests(store, steady, start, end, step)
        self._by_operation: dict[str, list[Window]] = {}  # nothing until it is said who speaks
        self._cpu = store.gauges(CPU_TIME, steady, start, end, step)
        self._memory = store.gauges(MEMORY_USED, labels, start, end, step)

    def speak(self, by_metric: bool) -> None:
        """Take the requests from the metric, or from the spans."""
        found: defaultdict[str, list[Window]] = defaultdict(list)
        for window in chosen(self.spans, self.metric, by_metric):
            found[window.series.label.get("operation", "")].append(window)
        self._by_operation = dict(found)

    def without(self, starts: Collection[float]) -> _Side:
        """The same without the windows that begin at some times."""
        side = copy.copy(self)
        side.leave_out(starts)
        return side

    def leave_out(self, starts: Collection[float]) -> None:
        """Forget the windows that begin at some times."""
        self._by_operation = {
            operation: [w for w in windows if w.start not in starts]
            for operation, windows in self._by_operation.items()
        }
        self._cpu = [g for g in self._cpu if g.start not in starts]
        self._memory = [g for g in self._memory if g.start not in starts]

    @property
    def operations(self) -> Iterable[str]:
        return [name for name in sorted(self._by_operation) if name != OVERFLOW]

    def measure(self, operation: str, metric: str, status_class: str = ALL) -> Estimate | None:
        """The metric of one operation; of the whole service when the operation is empty."""
        if metric == MEMORY:
            return level(self._memory)
        windows = of_class(self._by_operation.get(operation, []), status_class)
        if not operation:
            windows = [w for held in self._by_operation.values() for w in held]
        return estimate(metric, windows, self._cpu if metric == CPU else ()) if windows else None


def _speak(base: _Side | None, fix: _Side) -> None:
    """Both sides by the same telemetry: the one that is whole on both."""
    sides = [side for side in (base, fix) if side is not None]
    spans = [w for side in sides for w in side.spans]
    by_metric = metric_speaks(spans, [w for side in sides for w in side.metric])
    for side in sides:
        side.speak(by_metric)


def _guards(ticket: Ticket, rule: Rule, base: _Side, fix: _Side) -> Sequence[Guard]:
    """Other operations by the ticket's own kind of metric, and the errors of its operation."""
    metric = rule.metric if rule.metric.startswith("latency.") else GUARDED
    pairs = [(operation, metric) for operation in base.operations if operation]
    own = {(ticket.operation, metric)} if rule.metric == metric else set()
    wanted = [p for p in pairs if p not in own]
    if rule.metric != ERRORS:
        wanted.append((ticket.operation, ERRORS))
    return [g for operation, name in wanted if (g := _guard(base, fix, operation, name))]


def _guard(base: _Side, fix: _Side, operation: str, metric: str) -> Guard | None:
    before, after = base.measure(operation, metric), fix.measure(operation, metric)
    if before is None or after is None:
        return None
    return Guard(
        operation or "all operations", metric, "1" if metric == ERRORS else "s", before, after
    )
