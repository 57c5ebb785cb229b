"""What a walk forgets: the changes that were beyond chance, and which filter stood in their way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from perfd.detect.scan.steps import Step
from perfd.detect.scan.walk import History, View


@dataclass(frozen=True, slots=True)
class Held:
    """A filter's last word on a series, and in how many evaluations it was heard.

    `at` is the cell of the change, counted in the whole history.
    """

    series: int
    filter: str
    verdict: str
    at: int
    times: int


class Watched:
    """A history that is evaluated as it is, and remembers one thing per series and filter."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._held: dict[tuple[int, str], Held] = {}

    @property
    def series(self) -> int:
        """How many."""
        return self._history.series

    def evaluate(self, view: View) -> list[Step]:
        """All steps beyond chance in the view."""
        steps = self._history.evaluate(view)
        for step in steps:
            if not step.passed and not step.trend:
                self._remember(step, view)
        return steps

    def held(self, known: Iterable[tuple[int, int]], near: int) -> Iterator[Held]:
        """What came to nothing: no (series, cell) among the `known` is within `near` of it."""
        found = list(known)
        for held in self._held.values():
            if not any(held.series == i and abs(held.at - at) <= near for i, at in found):
                yield held

    def _remember(self, step: Step, view: View) -> None:
        check = next(check for check in step.checks if not check.passed)
        key = (view.rows.start or 0) + step.row, check.name
        before = self._held.get(key)
        times = 1 + (before.times if before else 0)
        self._held[key] = Held(*key, check.verdict, view.first + step.at, times)
