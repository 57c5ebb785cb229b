"""A function's rise as a finding; its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfd.detect.functions import proof
from perfd.detect.functions.comparison import detectable
from perfd.detect.functions.judge import Judged
from perfd.detect.functions.scan import Found
from perfd.detect.functions.table import FunctionTable
from perfd.detect.wording import percent
from perfd.model.deploy import Deploy
from perfd.model.finding import CONFIRMED, Check, Finding, Interval
from perfd.model.profile import CPU_PROFILE, PROFILE, Function
from perfd.model.series import Series

SELF, TOTAL = "self", "total"
CHANCE = "chance"


@dataclass(frozen=True, slots=True)
class Setting:
    """Of one evaluation of a service: what its findings have in common.

    `alpha` is the threshold of one function, `tests` how many there are, `share` what the budget
    gave to all of them.
    """

    service: str
    environment: str
    table: FunctionTable
    alpha: float
    tests: int
    share: float
    now: float


def series(place: tuple[str, str], function: Function, *, own: bool) -> Series:
    """A function's samples; it is the resource that a ticket is about."""
    return Series.of(
        PROFILE,
        service=place[0],
        environment=place[1],
        type=CPU_PROFILE,
        resource=function.name,
        file=function.file,
        of=SELF if own else TOTAL,
    )


def finding(
    setting: Setting,
    found: Found,
    judged: Judged,
    function: Function,
    versions: tuple[str, str],
    deploy: Deploy | None,
    *,
    standing_in_the_way: str = "",
) -> Finding:
    """The record of a rise; opened unless a filter or anything else stands in the way."""
    step, counts = found.seen.step, judged.rise.counts
    before, after = proof.estimates(counts, setting.table, step.at, versions)
    failed = next((check for check in judged.checks if not check.passed), None)
    why = standing_in_the_way or (f"{failed.name}: {failed.verdict}" if failed else "")
    reason = f"{function.name}: {why}" if why else ""
    return Finding(
        kind="regression",
        trigger="scan",
        status=CONFIRMED,
        series=series((setting.service, setting.environment), function, own=found.own),
        service=setting.service,
        environment=setting.environment,
        operation="",
        metric=proof.METRIC,
        unit=proof.UNIT,
        change_at=setting.table.time(step.at) if deploy is None else deploy.at,
        change_ci=_when(setting.table, step.at_ci, deploy),
        found_at=setting.now,
        before=before,
        after=after,
        effect=proof.effect(counts),
        p_value=step.p,
        opened=not reason,
        reason=reason or told(judged, function, own=found.own),
        version=deploy.version if deploy else "",
        previous=deploy.previous if deploy else "",
        checks=(*beforehand(setting, found, judged), *judged.checks),
        first_at=setting.table.time(found.seen.first.at),
    )


def told(judged: Judged, function: Function, *, own: bool) -> str:
    """`shop.tax.rate: 5.0 % -> 10.1 % of CPU samples (self)`, and what a request costs of it."""
    counts, cost = judged.rise.counts, judged.rise.cost
    which = " (self)" if own else ""
    words = (
        f"{function.name}: {_share(counts.before)} -> {_share(counts.after)} of CPU samples{which}"
    )
    if cost is None:
        return words
    old, new = counts.before * cost.before, counts.after * cost.after
    return f"{words}, {1e6 * old:.3g} -> {1e6 * new:.3g} µs of CPU per request"


def beforehand(setting: Setting, found: Found, judged: Judged) -> Sequence[Check]:
    """What the scan itself asked: chance, and how small a rise it would have found."""
    p, counts = found.seen.step.p, judged.rise.counts
    chance = Check(
        CHANCE,
        p < setting.alpha,
        f"p {p:.1e} over all times; the threshold is {setting.alpha:.1e}, for each of "
        f"{setting.tests} self and total shares their part of {setting.share:.1e}",
        {"p": p, "alpha": setting.alpha},
    )
    least = detectable(counts.before, counts.n0, counts.n1, counts.phi, setting.alpha)
    rise = percent(least).removeprefix("+")
    samples = Check(
        "samples",
        True,
        f"{counts.k0:.0f} of {counts.n0:.0f} before, {counts.k1:.0f} of {counts.n1:.0f} after, "
        f"{counts.phi:.1f} times as dispersed as chance; "
        f"a rise by {rise} of all CPU time would have been found",
        {"detectable": least, "dispersion": counts.phi},
    )
    return chance, samples


def _when(table: FunctionTable, cells: tuple[int, int], deploy: Deploy | None) -> Interval:
    low, high = table.time(cells[0]) - table.width, table.time(cells[1]) + table.width
    return (low, high) if deploy is None else (min(low, deploy.at), max(high, deploy.at))


def _share(value: float) -> str:
    return f"{100.0 * value:.3g} %"
