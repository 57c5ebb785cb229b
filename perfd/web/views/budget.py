"""The false-alarm budget of a service in a sentence."""

from __future__ import annotations

from perfd.detect.budget import WRONG, share, total
from perfd.model.budget import Budget
from perfd.tickets.wording import number


def budget_words(budget: Budget | None) -> str:
    """What was promised, what is spent of it, and what that means for the next deploy."""
    if budget is None:
        return ""
    told = (
        f"At most {_amount(budget.allowed)} a quarter may be wrong; the tests of the last quarter "
        f"have spent {number(total(budget) - total(budget, WRONG), 3)} of that. The next deploy "
        f"is tested so that a change by chance opens a ticket in {_odds(share(budget, '').alpha)}."
    )
    wrong = round(total(budget, WRONG))
    if not wrong:
        return told
    closed = f"{wrong} ticket was" if wrong == 1 else f"{wrong} tickets were"
    return f"{told} {closed} closed as wrong, which makes it stricter for a while."


def _amount(allowed: float) -> str:
    figure = f"{allowed:g}"
    return f"{figure} ticket" if allowed == 1.0 else f"{figure} tickets"


def _odds(alpha: float) -> str:
    """`1 of 200`, to two digits."""
    deploys = float(f"{1.0 / alpha:.2g}")
    return f"1 of {deploys:,.0f} deploys"
