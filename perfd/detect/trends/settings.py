"""What may be set about trends. Durations are divided by `pace`."""

from __future__ import annotations

import msgspec

from perfd.model.units import Duration, Size

_HOUR, _DAY = 3600.0, 86_400.0


class TrendSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is too short, too small or too far away to be said. Floors and parts are ratios."""

    drift_floor: float = 0.05  # per week; a slower drift is known, and not told
    drift_after: Duration = 7 * _DAY  # of history, at least
    leak_after: Duration = _DAY  # that a process must have run
    leak_growth: float = 0.10  # since it warmed up, at least
    leak_bytes: Size = 50 * 1024 * 1024  # the same in bytes
    full: float = 0.90  # of a limit: what stays above for an hour is saturated
    throttled: float = 0.25  # of the CPU time that a container asked for, for an hour
    horizon: Duration = 14 * _DAY  # how far ahead the early end of a forecast is told

    def __post_init__(self) -> None:
        if not 0.0 < self.full <= 1.0:
            raise ValueError("full: is a part of the limit, above 0 and at most 1")
        if not 0.0 < self.throttled <= 1.0:
            raise ValueError("throttled: is a part of CPU time, above 0 and at most 1")
        for name in ("drift_floor", "leak_growth", "leak_bytes", "horizon"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: must not be negative")
        if self.leak_after < _DAY / 4:
            raise ValueError("leak_after: a process that warms up looks like a leak; 6h at least")
        if self.drift_after < 4 * _DAY:
            raise ValueError("drift_after: a drift needs 4 days at least")
