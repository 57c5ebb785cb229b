"""A suspicion as a finding: shown, never opened, and settled by the judge."""

from __future__ import annotations

import dataclasses
import math

from perfd.detect import measures
from perfd.detect.canary.case import CanaryCase
from perfd.detect.canary.watch import ALPHA, Suspicion
from perfd.detect.wording import percent, points
from perfd.model.deploy import Deploy
from perfd.model.finding import SUSPECTED, Check, Effect, Estimate, Finding
from perfd.model.judgement import Judgement
from perfd.model.series import REQUESTS, Series
from perfd.model.times import to_rfc3339

NAME = "canary"


def finding(case: CanaryCase, seen: Suspicion, now: float) -> Finding:
    """Its series is that of the new version, so that it is another finding than the judge's."""
    deploy, start = case.deploy, float(seen.cells.start[0])
    due = to_rfc3339(deploy.at + case.settings.after / case.pace)[:16]
    check = _check(case, seen)
    return Finding(
        kind="regression",
        trigger="deploy",
        status=SUSPECTED,
        series=_series(deploy, seen.operation),
        service=deploy.service,
        environment=deploy.environment,
        operation=seen.operation,
        metric=seen.metric,
        unit=measures.unit(seen.metric),
        change_at=deploy.at,
        change_ci=(start, start + case.width),
        found_at=now,
        before=_side(case, seen, deploy.previous),
        after=_side(case, seen, deploy.version),
        effect=_effect(seen),
        p_value=None,
        opened=False,
        reason=f"{check.verdict}; judged from {due}Z on",
        version=deploy.version,
        previous=deploy.previous,
        checks=(check,),
    )


def settled(found: Finding, judgement: Judgement) -> Finding:
    """The same once the deploy was judged, or will not be."""
    verdict = found.checks[0].verdict
    return dataclasses.replace(found, reason=f"{verdict}; {judgement.state}: {judgement.reason}")


def waits(found: Finding) -> bool:
    """Whether it is a canary's that was not settled."""
    ours = found.status == SUSPECTED and [check.name for check in found.checks] == [NAME]
    return ours and "; judged from " in found.reason


def _check(case: CanaryCase, seen: Suspicion) -> Check:
    passed = len(seen.cells) * case.width * case.pace / 60.0
    what = points(seen.after - seen.before)
    if seen.metric != measures.ERROR_RATE:
        least = percent(math.expm1(seen.sure))
        what = f"{percent(seen.after / seen.before - 1.0)}, at least {least}"
    verdict = f"{what} beside {case.deploy.previous} after {passed:.0f} min"
    inputs: dict[str, float | int | str] = {
        "minutes": passed,
        "requests": int(seen.cells.new.sum()),
        "beside": int(seen.cells.old.sum()),
        "sure": seen.sure,
        "chance at any time": seen.alpha,
        "chance of the deploy": ALPHA,
    }
    return Check(NAME, False, verdict, inputs)


def _side(case: CanaryCase, seen: Suspicion, version: str) -> Estimate:
    """Without an interval of its own: what is known is the difference."""
    new = version == case.deploy.version
    value, count = (seen.after, seen.cells.new) if new else (seen.before, seen.cells.old)
    start, end = float(seen.cells.start[0]), float(seen.cells.start[-1]) + case.width
    return Estimate(value, (value, value), int(count.sum()), start, end, version)


def _effect(seen: Suspicion) -> Effect:
    ratio = seen.after / seen.before if seen.before else None
    return Effect(ratio, None, seen.after - seen.before)


def _series(deploy: Deploy, operation: str) -> Series:
    place = {"service": deploy.service, "environment": deploy.environment}
    return Series.of(REQUESTS, **place, operation=operation, version=deploy.version)
