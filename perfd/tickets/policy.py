"""The settings of the ticket machine as its functions take them: durations divided by `pace`."""

from __future__ import annotations

from dataclasses import dataclass

from perfd.tickets.settings import TicketSettings

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Durations in real seconds."""

    hold_for: float
    quiet_for: float
    verify_after: float
    verify_requests: int
    verify_deadline: float
    guard: float
    day: float = DAY  # over which a change is judged whose sides are told by time

    @classmethod
    def of(cls, settings: TicketSettings, pace: float) -> Policy:
        """`pace` divides durations, never counts: 300 requests are 300 requests."""
        return cls(
            settings.hold_for / pace,
            settings.quiet_for / pace,
            settings.verify_after / pace,
            settings.verify_requests,
            settings.verify_deadline / pace,
            settings.guard,
            DAY / pace,
        )
