"""Which tickets perfd would have opened, and which findings it would have kept to itself.

By the rules of the daemon's own scan: a rise that was confirmed, above the floor, of a series that
was known for long enough; what rose at one time in one service is one ticket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from perfd.detect.scan.findings import Moved, ranked
from perfd.detect.scan.opening import HOURS, NEARLY, known_for, large
from perfd.detect.settings import DetectSettings
from perfd.model.finding import CONFIRMED, Check

DAY = 24.0 * HOURS


@dataclass(slots=True)
class Opened:
    """A ticket: `moves` are all that rose at its time, what it is about first."""

    moves: list[Moved] = field(default_factory=list)

    @property
    def at(self) -> float:
        """When it would have been opened: with the first of them."""
        return min(moved.time(moved.seen.end) for moved in self.moves)

    def takes(self, moved: Moved) -> bool:
        """Whether it is of the same service, and may have happened at the same time."""
        one = self.moves[0]
        if (one.subject.service, one.subject.environment) != _place(moved):
            return False
        return any(moved.ci[0] <= m.ci[1] and m.ci[0] <= moved.ci[1] for m in self.moves)


def tickets(moves: Iterable[Moved], settings: DetectSettings, pace: float) -> list[Opened]:
    """Oldest first."""
    opened: list[Opened] = []
    for moved in sorted(moves, key=lambda moved: moved.time(moved.seen.end)):
        if against(moved, settings, pace) is not None:
            continue
        ticket = next((ticket for ticket in opened if ticket.takes(moved)), None)
        if ticket is None:
            ticket = Opened()
            opened.append(ticket)
        ticket.moves = ranked([*ticket.moves, moved])
    return opened


def against(moved: Moved, settings: DetectSettings, pace: float) -> Check | None:
    """The first rule that keeps a finding from being a ticket."""
    return next((check for check in _rules(moved, settings, pace) if not check.passed), None)


def _rules(moved: Moved, settings: DetectSettings, pace: float) -> Iterator[Check]:
    seen = moved.seen
    times = f"found by {seen.times} evaluations in a row, and not by enough of them"
    yield Check("confirmation", seen.status == CONFIRMED, times)
    yield Check("direction", moved.rises, "a change for the better")
    yield large(moved, settings)
    known, needed = known_for(moved) * pace, settings.scan.maturity
    words = f"the series was known for {known / DAY:.1f} days by then; {needed / DAY:g} are needed"
    yield Check("maturity", known >= NEARLY * needed, words)


def _place(moved: Moved) -> tuple[str, str]:
    return moved.subject.service, moved.subject.environment
