"""Among which requests latency is compared: all of them, or those of one status class.

A refusal takes a fraction of the time of an answer. Where the new version refuses or fails more
requests than the old one (or fewer), the latency of all of them moves although no answer takes
longer, and a regression hides behind fast refusals. So where the mix of status classes changed,
latency is compared within the class that makes most of both sides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from perfd.model.window import Window

ALL = ""
CHANGED = 0.02  # of the requests in another class than before
DEVIATIONS = 4.0  # beyond which that is not chance
FAILED = frozenset({"error", "5xx"})


def compared(before: Iterable[Window], after: Iterable[Window], few: int) -> str:
    """The class to compare latency in; ALL where the mix is what it was, or no class will do.

    Failures have a test of their own: what they take is hardly ever what an answer takes.
    """
    old, new = _counts(before), _counts(after)
    if not _changed(old, new):
        return ALL
    held = {name: _least_share(name, old, new) for name in old if name not in FAILED}
    enough = {name: part for name, part in held.items() if min(old[name], new[name]) >= few}
    return max(enough, key=lambda name: enough[name], default=ALL)


def of_class(windows: Sequence[Window], name: str) -> list[Window]:
    """The windows of one class, or all."""
    return [w for w in windows if name in (ALL, _class(w))]


def _changed(old: Counter[str], new: Counter[str]) -> bool:
    n_old, n_new = old.total(), new.total()
    if not n_old or not n_new:
        return False
    for name in old.keys() | new.keys():
        pooled = (old[name] + new[name]) / (n_old + n_new)
        deviation = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n_old + 1.0 / n_new))
        if abs(new[name] / n_new - old[name] / n_old) > max(CHANGED, DEVIATIONS * deviation):
            return True
    return False


def _least_share(name: str, old: Counter[str], new: Counter[str]) -> float:
    return min(old[name] / old.total(), new[name] / new.total())


def _counts(windows: Iterable[Window]) -> Counter[str]:
    held: Counter[str] = Counter()
    for window in windows:
        held[_class(window)] += window.count
    return held


def _class(window: Window) -> str:
    return window.series.label.get("status", "")
