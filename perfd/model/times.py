"""Points in time as perfd writes them: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

LATENESS = 15.0  # real seconds that telemetry may be late; never divided by pace


def to_rfc3339(at: float) -> str:
    """`1700000000.25` as `2023-11-14T22:13:20.250Z`."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_rfc3339(text: str) -> float:
    """Seconds since the epoch; a time without an offset is refused (ValueError)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; end it with Z or an offset")
    return moment.timestamp()


def floor_to(at: float, width: float) -> float:
    """The start of the window of `width` seconds that holds `at`; a start is its own.

    A width below a second (pace divides windows) is not exact in binary, so the start is computed
    from the window's number and two neighbours never drift apart. For the same reason the quotient
    of a start can fall just short of its number (at pace 7, of every second one).
    """
    number = round(at // width)
    if (number + 1) * width <= at:
        number += 1
    return number * width
