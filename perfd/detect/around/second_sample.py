"""Second sample: what did not take part in finding the change shows it as well.

The windows since the scan first saw it are such a sample, and may stand for a confirmation. Two
halves of the instances are one against an accident of some of them, but share their weather: that
they agree is told, and confirms nothing. That only a few are worse is another filter's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perfd.detect.around.by_time import Around
from perfd.detect.instances import Instance, against, instances
from perfd.detect.wording import bound
from perfd.model.finding import Check

NAME = "second sample"
SHOWN = 0.5  # of the change
DOUBT = 1e-3
LEAST = 3  # cells
INDEPENDENT = "independent"


def check(around: Around) -> Check | None:
    """The time since it was found, else the halves of the instances; None without either."""
    return _since(around) or _halves(around)


def confirms(checks: Iterable[Check]) -> bool:
    """Whether a second sample stands for one confirmation."""
    return any(c.name == NAME and c.passed and c.inputs.get(INDEPENDENT) == 1 for c in checks)


def _since(around: Around) -> Check | None:
    case, candidate, found = around.case, around.candidate, around.found
    fresh = [w for w in candidate.after if w.start >= case.change.found]
    cells = len({w.start for w in fresh})
    if cells < LEAST or sum(w.count for w in fresh) < case.settings.min_requests:
        return None
    gauges = [g for g in candidate.cpu_after if g.start >= case.change.found]
    late = candidate.against(fresh, gauges)
    if late is None or late.p > DOUBT or late.shift < SHOWN * found.shift:
        return None
    words = f"{bound(late, late.shift)} in the {cells} cells since it was found, by themselves"
    return Check(NAME, True, words, {"shift": late.shift, "cells": cells, INDEPENDENT: 1})


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
    if len(shown) < 2:
        return None
    words = " and ".join(bound(whole, shift) for shift in shown)
    verdict = f"{words} on either half of {len(names)} instances"
    return Check(NAME, True, verdict, {"least": min(shown), INDEPENDENT: 0})
