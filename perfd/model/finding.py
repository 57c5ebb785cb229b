"""What a detector says, whether or not a ticket came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from perfd.model.identity import fingerprint
from perfd.model.series import Series

SUSPECTED = "suspected"
CONFIRMED = "confirmed"
REGRESSED = "regressed-after-deploy"
TREND = "trend"

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One side of a comparison: a value with its 95 % interval, and what it was computed from."""

    value: float
    ci: Interval
    count: int
    start: float
    end: float
    version: str


@dataclass(frozen=True, slots=True)
class Effect:
    """After against before. `ratio` is None when before is 0.

    `absolute` is in the metric's unit.
    """

    ratio: float | None
    ci: Interval | None
    absolute: float


@dataclass(frozen=True, slots=True)
class Check:
    """One filter's verdict, with what it looked at, so that a person need not repeat it.

    `passed` means: this filter does not stand in the way of a ticket.
    """

    name: str
    passed: bool
    verdict: str
    inputs: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """A change of one metric of one operation (or resource), with the trail of checks behind it.

    `opened` is False for what was looked at and not opened; `reason` then says why in words.
    `metric` is a public name of DESIGN section 9 (latency.mean, latency.p95, error_rate, …).
    """

    kind: str
    trigger: str
    status: str
    series: Series
    service: str
    environment: str
    operation: str
    metric: str
    unit: str
    change_at: float
    change_ci: Interval
    found_at: float
    before: Estimate | None
    after: Estimate | None
    effect: Effect | None
    p_value: float | None
    opened: bool
    reason: str
    provisional: bool = False
    version: str = ""
    previous: str = ""
    checks: tuple[Check, ...] = ()
    status_class: str = ""  # among which requests a latency was compared; all where empty
    first_at: float | None = None  # `change_at` as it was first seen, where later looks move it
    likelihood: float | None = None  # that `version` is the cause, where p_value does not tell

    @property
    def id(self) -> str:
        """The same change found again is the same finding: hash(kind, series, metric, bucket).

        The bucket is the deploy's version where a deploy is the change, else the minute. What was
        found without looking at deploys has the minute at which it was first seen.
        """
        bucket = self.version or str(int(self.change_at // 60))
        if self.first_at is not None:
            bucket = f"first seen {int(self.first_at // 60)}"
        labels = (f"{k}={v}" for k, v in self.series.labels)
        return fingerprint("finding", self.kind, self.metric, self.series.name, *labels, bucket)
