"""The false-alarm budget of a service: wrong tickets per quarter, over all triggers and tests.

The promise is on the expected number of wrong tickets (the per-family error rate, Spjøtvoll 1972):
if every test is made at a level that was taken from the budget, then the sum of the levels bounds
it, however the tests depend on each other. How many tests a quarter will bring is not known, so the
levels are chosen online, each as a fixed part of what is left (Foster and Stine 2008, alpha
investing), and what was spent comes back with time, so that a budget never dies of its past
(Ramdas, Yang, Wainwright and Jordan 2017, decaying memory). The form is that of a token bucket:

    it holds N / 4 when full and gains 3 N / 4 in a quarter; a deploy takes 1 / 50 of what it holds,
    a scan of all series for changes of unknown time 1 / 1000

Nothing is spent that the bucket did not hold or gain, so in *any* quarter, wherever it begins, at
most N / 4 + 3 N / 4 = N is spent (and a ten-millionth for each deploy that finds it empty). With
N = 1 a deploy is given 0.005 (one wrong ticket in 200 deploys) where there are few, 0.0037 at 200 a
quarter, and 0.0002 at 40 a day.

Nothing is earned by tickets that were right, since that controls the share of wrong tickets and not
their number. A ticket that was closed as wrong is the budget's failure to keep its word, and takes
a whole wrong ticket: the service is then judged more strictly until the bucket has filled again.

Within a deploy its part is shared by looks (looks.py), and by Holm over operations and metrics
(multiple.py). The functions of a service share the part of one scan equally (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from perfd.model.budget import Budget, Spending

DAY = 86_400.0
QUARTER = 365.25 / 4.0 * DAY  # real seconds: a promise to people is not divided by pace
HELD = 0.25  # of what is allowed, by a full bucket
# The part of a share that its tests spend; the rest is for the tails, in which a model of noise is
# never quite right.
PRUDENCE = 0.4
LEAST = 1e-7  # of what is allowed: an empty bucket makes strict, and not blind
NAMED = 3.0 * DAY  # after which the spendings of a day are added up; deploys are judged in less
MOST_NAMED = 256
DEPLOY, SCAN, WRONG = "deploy", "scan", "wrong"
PARTS = {DEPLOY: 0.02, SCAN: 0.001}  # of the bucket, for one of them; hourly scans leave it full


@dataclass(frozen=True, slots=True)
class Share:
    """What a deploy or a scan may spend, and what of: `alpha` is its chance of a wrong ticket."""

    alpha: float = HELD * PARTS[DEPLOY]
    allowed: float = 1.0
    spent: float = 0.0  # by all before it in the last quarter
    left: float = HELD


def full(service: str, allowed: float, now: float) -> Budget:
    """The budget of a service that was never tested."""
    return Budget(service, allowed, allowed * HELD, now)


def refilled(budget: Budget, allowed: float, now: float) -> Budget:
    """The same later, and under what is allowed now."""
    passed = max(now - budget.at, 0.0)
    gained = allowed * (1.0 - HELD) * passed / QUARTER
    left = min(budget.left + gained, allowed * HELD)
    kept = tuple(s for s in budget.spent if s.at > now - QUARTER)
    return Budget(budget.service, allowed, left, budget.at + passed, kept)


def share(budget: Budget, key: str, trigger: str = DEPLOY) -> Share:
    """What a deploy (or the scan of a time) was given already, or would be given."""
    held = next((s for s in budget.spent if s.key == key), None)
    alpha = held.amount if held else max(budget.left * PARTS[trigger], budget.allowed * LEAST)
    return Share(alpha, budget.allowed, total(budget) - (held.amount if held else 0.0), budget.left)


def spend(budget: Budget, trigger: str, key: str, amount: float, at: float) -> Budget:
    """The budget without it; the same key is never charged twice."""
    if any(s.key == key for s in budget.spent):
        return budget
    spent = _folded((*budget.spent, Spending(at, trigger, key, amount)), budget.at)
    return replace(budget, left=max(budget.left - amount, 0.0), spent=tuple(spent))


def total(budget: Budget, trigger: str | None = None) -> float:
    """Spent in the last quarter, by all triggers or one."""
    return sum(s.amount for s in budget.spent if trigger in (None, s.trigger))


def _folded(spent: Iterable[Spending], now: float) -> Iterator[Spending]:
    """Spendings by name as long as they may be asked for again, else by day and trigger."""
    ordered = sorted(spent, key=lambda s: s.at)
    recent = [s for s in ordered[-MOST_NAMED:] if s.key and s.at > now - NAMED]
    named = {*recent, *(s for s in ordered if s.trigger == WRONG)}
    days: dict[tuple[float, str], float] = {}
    for one in ordered:
        if one not in named:
            day = one.at // DAY * DAY, one.trigger
            days[day] = days.get(day, 0.0) + one.amount
    yield from (Spending(at, trigger, "", amount) for (at, trigger), amount in days.items())
    yield from (one for one in ordered if one in named)
