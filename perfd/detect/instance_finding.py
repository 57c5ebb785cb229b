"""A bad instance as a finding: which one, since when, by how much; never opened."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfd.detect.bad_instance import AFTER, BEFORE, BLOCK, BadInstance
from perfd.detect.measures import LATENCY_MEAN, unit
from perfd.detect.wording import percent
from perfd.model.finding import CONFIRMED, Effect, Estimate, Finding
from perfd.model.series import INSTANCE_REQUESTS, Series
from perfd.model.times import to_rfc3339

Place = tuple[str, str]  # service and environment


def finding(
    place: Place, bad: BadInstance, hosts: Sequence[str], pace: float, now: float
) -> Finding:
    """Of the fixed kinds it is a saturation: a process or its host has not what it needs.

    Its id is that of the instance in its version, so it is one finding however often it is seen.
    """
    service, environment = place
    block = BLOCK / pace
    excess = bad.excess
    before = _side(bad, excess.before, 0, (bad.since - BEFORE * block, bad.since))
    after = _side(bad, excess.after, excess.requests, (bad.since, bad.since + AFTER * block))
    ratio = math.exp(excess.shift)
    labels = {"service": service, "environment": environment, "instance": bad.instance}
    return Finding(
        kind="saturation",
        trigger="scan",
        status=CONFIRMED,
        series=Series.of(INSTANCE_REQUESTS, **labels),
        service=service,
        environment=environment,
        operation="",
        metric=LATENCY_MEAN,
        unit=unit(LATENCY_MEAN),
        change_at=bad.since,
        change_ci=(bad.since - block, bad.since + block),
        found_at=now,
        before=before,
        after=after,
        effect=Effect(
            ratio, (math.exp(excess.low), math.exp(excess.high)), before.value * (ratio - 1.0)
        ),
        p_value=excess.p,
        opened=False,
        reason=_reason(bad, hosts),
        version=bad.version,
    )


def _side(bad: BadInstance, level: float, count: int, span: tuple[float, float]) -> Estimate:
    """The instance's mean with the doubt about the shift; before, what it would have been."""
    low, high = (level + end - bad.excess.shift for end in (bad.excess.low, bad.excess.high))
    ci = math.exp(low), math.exp(high)
    return Estimate(math.exp(level), ci, count, *span, bad.version)


def _reason(bad: BadInstance, hosts: Sequence[str]) -> str:
    where = f" on {', '.join(hosts)}" if hosts else ""
    return (
        f"only instance {bad.instance}{where} is slower than its {bad.peers} peers of "
        f"{bad.version}: {percent(math.expm1(bad.excess.shift))} "
        f"since {to_rfc3339(bad.since)[:16]}Z; "
        "beside it the same program is fine: restart or move it"
    )
