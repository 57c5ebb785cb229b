"""A suspicion as a finding: shown, never opened, and settled by the judge."""

from __future__ import annotations

import dataclasses

from perfd.detect import measures
from perfd.detect.canary.case import CanaryCase
from perfd.detect.canary.watch import ALPHA, Suspicion
from perfd.detect.wording import percent, points
from perfd.model.deploy import Deploy
from perfd.model.finding import SUSPECTED, Check, Effect, Finding
from perfd.model.judgement import Judgement
from perfd.model.series import REQUESTS, Series
from perfd.model.times import to_rfc3339

NAME = "canary"
JUDGED = "judged"  # an input: whether it was settled


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
        before=seen.before,
        after=seen.after,
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
    (check,) = found.checks
    told = dataclasses.replace(check, inputs={**check.inputs, JUDGED: 1})
    reason = f"{check.verdict}; {judgement.state}: {judgement.reason}"
    return dataclasses.replace(found, reason=reason, checks=(told,))


def unsettled(found: Finding) -> bool:
    """Whether it is a canary's of which nobody has said yet what came of it."""
    return any(check.name == NAME and not check.inputs[JUDGED] for check in found.checks)


def _check(case: CanaryCase, seen: Suspicion) -> Check:
    passed = len(seen.cells) * case.width * case.pace / 60.0
    before, after = seen.before.value, seen.after.value
    what = points(after - before)
    if seen.ratio is not None:
        what = f"{percent(after / before - 1.0)}, at least {percent(seen.ratio[0] - 1.0)},"
    verdict = f"{what} beside {case.deploy.previous} after {passed:.0f} min"
    inputs: dict[str, float | int | str] = {
        "minutes": passed,
        "requests": int(seen.cells.new.sum()),
        "beside": int(seen.cells.old.sum()),
        "chance at any time": seen.alpha,
        "chance of the deploy": ALPHA,
        JUDGED: 0,
    }
    return Check(NAME, False, verdict, inputs)


def _effect(seen: Suspicion) -> Effect:
    before, after = seen.before.value, seen.after.value
    return Effect(after / before if before else None, seen.ratio, after - before)


def _series(deploy: Deploy, operation: str) -> Series:
    place = {"service": deploy.service, "environment": deploy.environment}
    return Series.of(REQUESTS, **place, operation=operation, version=deploy.version)
