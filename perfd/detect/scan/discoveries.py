"""Which of a service's changes stand when all that was tested is counted.

Benjamini and Hochberg (1995): of the changes that are kept, the expected share that is none stays
below q; where nothing changed at all, the chance of even one does. It holds for tests that depend
on each other positively, as the mean and the quantiles of one operation do.
"""

from __future__ import annotations

from collections.abc import Sequence

from perfd.model.finding import Check

NAME = "chance"


def threshold(p_values: Sequence[float], tests: int, q: float) -> float:
    """The p-value up to which changes are kept, of so many tests; 0 where none is."""
    kept = 0.0
    for rank, p in enumerate(sorted(p_values), 1):
        if p <= rank * q / max(tests, 1):
            kept = p
    return kept


def check(p: float, limit: float, tests: int, q: float) -> Check:
    """Whether a change is kept."""
    inputs: dict[str, float | int | str] = {"p": p, "limit": limit, "tests": tests, "q": q}
    verdict = (
        f"p = {p:.2g} among {tests} series that were tested, of which q = {q:.2g} may be wrong"
    )
    return Check(NAME, p <= limit, verdict, inputs)
