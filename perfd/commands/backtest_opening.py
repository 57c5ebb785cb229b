"""Which tickets perfd would have opened, and which findings it would have kept to itself.

By the rules of the daemon's own scan: a rise that was confirmed, above the floor, of a series that
was known for long enough; what rose at one time in one service is one ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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


def tickets(moves: Iterable[Moved]) -> list[Opened]:
    """Of the rises that nothing stands against; oldest first."""
    opened: list[Opened] = []
    for moved in sorted(moves, key=lambda moved: moved.time(moved.seen.end)):
        ticket = next((ticket for ticket in opened if ticket.takes(moved)), None)
        if ticket is None:
            ticket = Opened()
            opened.append(ticket)
        ticket.moves = ranked([*ticket.moves, moved])
    return opened


@dataclass(frozen=True, slots=True)
class Rules:
    """What keeps a finding from being a ticket.

    `pace` has divided the cells; `around` says what the windows around a change tell of it, where
    there are any.
    """

    settings: DetectSettings = field(default_factory=DetectSettings)
    pace: float = 1.0
    around: Callable[[Moved], Iterable[Check]] = lambda _: ()

    def against(self, moved: Moved) -> Check | None:
        """The first that does."""
        return next((check for check in self._checks(moved) if not check.passed), None)

    def _checks(self, moved: Moved) -> Iterator[Check]:
        seen, needed = moved.seen, self.settings.scan.maturity
        times = f"found by {seen.times} evaluations in a row, and not by enough of them"
        yield Check("confirmation", seen.status == CONFIRMED, times)
        yield Check("direction", moved.rises, "a change for the better")
        host = "a host or container, no service of its own"
        yield Check("service", bool(moved.subject.service), host)
        yield large(moved, self.settings)
        known = known_for(moved) * self.pace
        days = f"{known / DAY:.1f} days by then; {needed / DAY:g} are needed"
        yield Check("maturity", known >= NEARLY * needed, f"the series was known for {days}")
        yield from self.around(moved)


def _place(moved: Moved) -> tuple[str, str]:
    return moved.subject.service, moved.subject.environment
