"""Second sample: whether what took no part in finding the change shows it as well.

The windows since the scan first saw it are such a sample: a change that they beyond doubt do not
show was an accident of the time before. Two halves of the instances are a sample against an
accident of some of them, but share their weather: that they agree is told, and proves little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from perfd.detect.around.by_time import Around, beyond_usual
from perfd.detect.estimate import Comparison
from perfd.detect.instances import Instance, against, instances
from perfd.detect.wording import bound
from perfd.model.finding import Check

NAME = "second sample"
SHOWN = 0.5  # of the change
DOUBT = 1e-3
DEVIATIONS = 2.0
LEAST = 3  # cells


def check(around: Around) -> Check | None:
    """The time since it was found, else the halves of the instances; None without either."""
    return _since(around) or _halves(around)


def _since(around: Around) -> Check | None:
    """Passed or not only beyond doubt; None while too little has come."""
    late, cells = _fresh(around)
    if late is None or cells < LEAST:
        return None
    wanted, reach = SHOWN * around.found.shift, DEVIATIONS * math.sqrt(late.spread.variance)
    words = f"{bound(late, late.shift)} in the {cells} hours since it was found, by themselves"
    inputs: dict[str, float | int | str] = {"shift": late.shift, "cells": cells, "p": late.p}
    if late.shift + reach < wanted:
        return Check(NAME, False, f"only {words}", inputs)
    if late.shift >= wanted and late.p <= DOUBT:
        return Check(NAME, True, words, inputs)
    return None


def _fresh(around: Around) -> tuple[Comparison | None, int]:
    """The change in the windows that came since, and how many cells these are."""
    case, candidate = around.case, around.candidate
    windows = [w for w in candidate.after if w.start >= case.change.found]
    if sum(w.count for w in windows) < case.settings.min_requests:
        return None, 0
    cpu = [g for g in candidate.cpu_after if g.start >= case.change.found]
    before = candidate.before, candidate.cpu_before
    found = beyond_usual(case, candidate.metric, before, (windows, cpu))
    return found, len({w.start for w in windows})


def _halves(around: Around) -> Check | None:
    """Alternately by name, of those that serve since; each against all of before."""
    candidate = around.candidate
    before, after = instances(candidate, before=True), instances(candidate, before=False)
    whole = against(candidate, before, after)
    names = sorted(after)
    if len(names) < 2 or whole is None or whole.p > DOUBT:
        return None
    parts: list[Mapping[str, Instance]] = [
        {name: after[name] for name in names[first::2]} for first in (0, 1)
    ]
    shown = [found.shift for part in parts if (found := against(candidate, before, part))]
    if len(shown) < len(parts):
        return None
    words = " and ".join(bound(whole, shift) for shift in shown)
    verdict = f"{words} on either half of {len(names)} instances"
    return Check(NAME, True, verdict, {"least": min(shown)})
