"""What may be set about the scan. Lengths are counted in cells of one hour."""

from __future__ import annotations

import msgspec


class ScanSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operating point. What it reaches is printed by `python -m tests.bench detection`."""

    window: int = 336  # cells that one evaluation looks at: 14 days
    least: int = 8  # cells on either side of a change
    fewest: int = 72  # cells with a value, below which nothing is said
    alpha: float = 1e-5  # of one evaluation, look-elsewhere effect included
    floor: float = 0.01  # smallest relative change worth saying
    confirmations: int = 3  # evaluations in a row that must find the same change
    youngest: int = 20  # cells: what did not last as long is not confirmed, but for a deploy's
    same: int = 6  # cells by which its time may differ between them
    soon: int = 168  # cells: how old a change may be when it is found, and what belongs to one
    screen: float = 3.0  # what the cheap screen lets pass to the full test
    quantum: float = 0.002  # noise of a cell below which no series is believed to be

    def __post_init__(self) -> None:
        if not 2 * self.least < self.fewest <= self.window:
            raise ValueError("scan: 2 x least < fewest <= window must hold")
        if not 0.0 < self.alpha < 1.0 or self.confirmations < 1:
            raise ValueError("scan: alpha is a probability, confirmations at least 1")
