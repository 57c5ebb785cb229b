"""What a user may set about detection. Durations are divided by `pace`."""

from __future__ import annotations

import msgspec

from perfd.detect.functions.settings import FunctionSettings
from perfd.detect.trends.settings import TrendSettings
from perfd.model.units import Duration

HOUR = 3600.0


class ScanSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When all series are scanned for changes that no deploy announced.

    `maturity` is the history that a series must have before its change may open a ticket. The
    floors, the shadow and the budget are those of deploys.
    """

    enabled: bool = True
    every: Duration = 21_600.0
    maturity: Duration = 604_800.0  # with less, a weekend may look like a change

    def __post_init__(self) -> None:
        if not self.every >= HOUR:
            raise ValueError("scan.every: must be at least 1h, which is the length of a cell")
        if not self.maturity >= 0:
            raise ValueError("scan.maturity: must not be negative")


class DetectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a deploy is judged, and what is too small or too uncertain to be said.

    Floors of latency and CPU are relative (0.05 is 5 %), `error_floor` is a difference of rates.
    """

    baseline: Duration = 3600.0  # of the previous version, at least
    baseline_max: Duration = 86400.0  # how far back the baseline may reach
    after: Duration = 1800.0  # of the new version, at least
    recheck: Duration = 86400.0  # when a deploy is judged once more
    join: Duration = 900.0  # two deploys of a service within this are one
    mixed: Duration = 300.0  # left out after a deploy that no version label tells apart
    min_requests: int = 300  # on either side
    floor: float = 0.05
    provisional_floor: float = 0.10  # without a day of history or a concurrent old version
    error_floor: float = 0.005
    floor_seconds: Duration = 0.0001  # a change of latency or CPU below this is nobody's concern
    wrong_tickets: float = 1.0  # per service and quarter, expected, over all that is tested
    shadow: bool = False  # find and say what would be opened, and open nothing
    shadow_services: tuple[str, ...] = ()  # the same for these alone; `*` and `?` match
    process_spread: float = 0.01  # sd between two starts of one program, until it is measured
    drift: float = 0.02  # sd of a baseline's own drift over an hour, until it is measured
    scan: ScanSchedule = ScanSchedule()
    self_test: int = 10  # series an hour that steps are tried on; 0 tries none
    functions: FunctionSettings = FunctionSettings()
    trends: TrendSettings = TrendSettings()

    def __post_init__(self) -> None:
        if self.self_test < 0:
            raise ValueError("self_test: must not be negative; 0 tries nothing")
        if not self.wrong_tickets > 0:
            raise ValueError("wrong_tickets: must be above 0; use shadow to open nothing")
