"""What may be set about functions; when they are scanned is set with the scan of all series."""

from __future__ import annotations

import msgspec


class FunctionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a function's share of its service's CPU is worth a ticket."""

    most: int = 1_000  # functions of a service that are told apart; the rest is one
    floor: float = 0.01  # smallest rise of a share worth saying, relative
    least: float = 0.001  # and of all CPU time of the service

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError("functions.most: must be at least 1")
        if not (self.floor > 0.0 and 0.0 <= self.least < 1.0):
            raise ValueError("functions: floor must be above 0, least a share")
