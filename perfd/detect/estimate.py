"""What a metric was, and how it changed: the two questions that verification asks as well.

An interval is at 95 % and holds sampling and the noise between windows. Between two versions it
also holds what `allowance` says: the spread between two starts of one program, and drift.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfd.detect import measures
from perfd.detect.cells import LINEAR, Cells
from perfd.detect.noise import Noise, Spread, noise, sampling, spread
from perfd.detect.rates import compare_rates, rate_interval
from perfd.detect.tails import normal_quantile, student_quantile, student_tail
from perfd.model.finding import Effect, Estimate, Interval
from perfd.model.window import Gauge, Window

CONFIDENCE = 0.975  # each end of a 95 % interval
POWER = 0.9  # with which the smallest detectable effect would have been seen


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric on two sides.

    `shift` is ln(after / before), or the difference of two rates; `spread` is its error without
    the allowance, `whole` with it, and `low` … `high` the 95 % interval of the latter. `p` is
    one-sided: how often noise alone would look at least as much worse. `least` is the smallest
    `shift` that would have been seen at this `alpha`.
    """

    metric: str
    unit: str
    before: Estimate
    after: Estimate
    effect: Effect
    shift: float
    low: float
    high: float
    spread: Spread
    whole: Spread
    p: float
    least: float

    def at_least(self, confidence: float) -> float:
        """What the shift is no less than, one-sided."""
        reach = student_quantile(confidence, self.whole.freedom)
        return self.shift - reach * math.sqrt(self.whole.variance)

    @property
    def mde(self) -> float:
        """The smallest ratio that would have been seen; of rates, after against before."""
        if self.metric != measures.ERROR_RATE:
            return math.exp(self.least)
        return (self.before.value + self.least) / max(self.before.value, 1.0 / self.before.count)


def estimate(metric: str, windows: Sequence[Window], cpu: Iterable[Gauge] = ()) -> Estimate | None:
    """The metric over steady windows of one version; None where they do not hold it.

    `cpu` are the gauges of CPU seconds of the same intervals, for CPU per request.
    """
    cells = measures.read(metric, windows, cpu)
    if cells is None:
        return None
    return side(cells, noise([cells]), _version(windows), _width(windows))


def compare(
    metric: str,
    before: Sequence[Window],
    after: Sequence[Window],
    cpu_before: Iterable[Gauge] = (),
    cpu_after: Iterable[Gauge] = (),
    *,
    excess: Spread | None = None,
    allowance: float = 0.0,
    expected: float = 0.0,
    alpha: float = 1e-3,
) -> Comparison | None:
    """The metric after against before; None where a side does not hold it.

    `excess` is the variance of the shift beyond that of sampling, where it is known better than
    from these windows; `allowance` the variance of what differs between any two runs; `expected` a
    shift that has another cause (the trend of others): all on the scale of `shift`.
    """
    old = measures.read(metric, before, cpu_before)
    new = measures.read(metric, after, cpu_after)
    if old is None or new is None:
        return None
    between = noise([old, new])
    sides = (
        side(old, between, _version(before), _width(before)),
        side(new, between, _version(after), _width(after)),
    )
    error = spread(old, between).plus(spread(new, between))
    if excess is not None:
        error = sampling(old).plus(sampling(new)).plus(excess)
    if metric == measures.ERROR_RATE:
        return _of_rates(sides, (old, new), error, alpha)
    return _of_levels(metric, sides, (old, new), error, allowance, expected, alpha)


def side(cells: Cells, between: Noise, version: str, width: float) -> Estimate:
    """The weighted mean of cells with its interval, in the metric's own unit."""
    error = spread(cells, between)
    if cells.scale == LINEAR:
        ci = rate_interval(cells.level, cells.total, error.variance)
    else:
        reach = student_quantile(CONFIDENCE, error.freedom) * math.sqrt(error.variance)
        ci = (math.exp(cells.level - reach), math.exp(cells.level + reach))
    return Estimate(
        measures.natural(cells, cells.level),
        ci,
        int(cells.total),
        float(cells.start[0]),
        float(cells.start[-1]) + width,
        version,
    )


def _of_levels(
    metric: str,
    sides: tuple[Estimate, Estimate],
    cells: tuple[Cells, Cells],
    error: Spread,
    allowance: float,
    expected: float,
    alpha: float,
) -> Comparison:
    shift = cells[1].level - cells[0].level - expected
    whole = error.plus(Spread(allowance, math.inf))
    reach = student_quantile(CONFIDENCE, whole.freedom) * math.sqrt(whole.variance)
    low, high = shift - reach, shift + reach
    ci: Interval = (math.exp(low), math.exp(high))
    ratio = math.exp(shift)
    effect = Effect(ratio, ci, sides[0].value * (ratio - 1.0))
    deviation = math.sqrt(error.variance)
    p = float(student_tail(shift / deviation, error.freedom)) if deviation > 0.0 else 0.5
    least = deviation * (student_quantile(1.0 - alpha, error.freedom) + normal_quantile(POWER))
    return Comparison(
        metric, measures.unit(metric), *sides, effect, shift, low, high, error, whole, p, least
    )


def _of_rates(
    sides: tuple[Estimate, Estimate], cells: tuple[Cells, Cells], error: Spread, alpha: float
) -> Comparison:
    found = compare_rates(*cells, error)
    shift = sides[1].value - sides[0].value
    reach = student_quantile(CONFIDENCE, error.freedom) * math.sqrt(error.variance)
    return Comparison(
        measures.ERROR_RATE,
        measures.unit(measures.ERROR_RATE),
        *sides,
        Effect(found.ratio, found.ci, shift),
        shift,
        shift - reach,
        shift + reach,
        error,
        error,
        found.p,
        found.least(alpha, POWER),
    )


def _version(windows: Sequence[Window]) -> str:
    """The version of the newest window."""
    return max(windows, key=lambda w: w.start).series.label.get("version", "")


def _width(windows: Sequence[Window]) -> float:
    return max(windows, key=lambda w: w.start).width
