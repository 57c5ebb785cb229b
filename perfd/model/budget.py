"""What a service may still be told wrongly: the record behind its false-alarm budget."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spending:
    """A part of the budget that was spent: the chance of a wrong ticket that was taken.

    `trigger` is deploy or scan, or "wrong" for a ticket that somebody closed as wrong, which takes
    a whole one. `key` names the deploy or ticket; it is empty where a day is added up.
    """

    at: float
    trigger: str
    key: str
    amount: float


@dataclass(frozen=True, slots=True)
class Budget:
    """Of one service, as of `at` (seconds UTC); all amounts in expected wrong tickets.

    `allowed` in any quarter, `left` to be spent now, `spent` in the last quarter, oldest first.
    """

    service: str
    allowed: float
    left: float
    at: float
    spent: tuple[Spending, ...] = ()
