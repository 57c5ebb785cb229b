"""What differs between any two runs of one program, deploy or not.

A restarted process is a little faster or slower than the one before (memory layout, hash seeds, the
core it landed on), and load drifts over the hour that lies between the two sides. Both are shared
by all operations of a service, so they widen the interval once and take no part in the budget over
many tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from perfd.detect import measures
from perfd.detect.case import DeployCase
from perfd.detect.sides import Sides
from perfd.detect.trend import Trend, beside, elsewhere, trend
from perfd.model.series import STEADY

HOUR = 3600.0
_LATENCY = (measures.LATENCY_MEAN, measures.LATENCY_P95)
FAR = 6.0  # hours between the sides, up to which placebos have seen the same drift


@dataclass(frozen=True, slots=True)
class Variation:
    """Variances on the log scale, and the trend of what the deploy did not touch."""

    process: float
    drift: Trend

    def allowance(self, metric: str) -> float:
        """The variance to add to that of the comparison; rates of errors are on another scale."""
        return 0.0 if metric == measures.ERROR_RATE else self.process + self.drift.variance

    def expected(self, metric: str) -> float:
        """The shift that would have come without the deploy; controls are of latency."""
        return self.drift.shift if metric in _LATENCY else 0.0


def variation(case: DeployCase, sides: Sides) -> Variation:
    """What is to be expected of this deploy if it changed nothing."""
    spread = case.settings.process_spread**2
    process = spread * sum(1.0 / _instances(case, v) for v in _versions(case))
    if sides.concurrent or (not sides.provisional and _hours(case, sides) < FAR):
        return Variation(process, Trend(0.0, 0.0))
    drift = (case.settings.drift * _hours(case, sides)) ** 2
    if not sides.provisional:
        return Variation(process, Trend(0.0, drift))
    return Variation(process, trend([*elsewhere(case, sides), *beside(case, sides)], drift))


def _hours(case: DeployCase, sides: Sides) -> float:
    """Hours of the day between the middles of the two sides, and one for each day."""
    apart = (sum(sides.span_after) - sum(sides.span_before)) / 2.0 * case.pace / HOUR
    days = round(apart / 24.0)
    return abs(apart - 24.0 * days) + days


def _versions(case: DeployCase) -> tuple[str, str]:
    return case.deploy.previous, case.deploy.version


def _instances(case: DeployCase, version: str) -> int:
    """Instances of a version that served steadily; at least one."""
    return max(
        len(
            {
                w.series.label.get("instance")
                for w in case.instances
                if w.series.label.get("version") == version
                and w.series.label.get("phase", STEADY) == STEADY
            }
        ),
        1,
    )
