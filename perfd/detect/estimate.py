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
from perfd.detect.rates import Rates, compare_rates, rate_interval
from perfd.detect.tails import normal_quantile, student_quantile, student_tail
from perfd.model.finding import Effect, Estimate, Interval
from perfd.model.window import Gauge, Window

CONFIDENCE = 0.975  # each end of a 95 % interval
POWER = 0.9  # with which the smallest detectable effect would have been seen


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric on two sides.

    `shift` is ln(after / before), or the difference of two rates; `spread` is its error without
    the allowance, `whole` with it. `p` is one-sided: how often noise alone would look at least as
    much worse. What is only told of the few comparisons that matter is computed when asked for.
    """

    metric: str
    old: Cells
    new: Cells
    between: Noise
    shift: float
    spread: Spread
    whole: Spread
    p: float
    alpha: float
    rates: Rates | None = None

    @property
    def unit(self) -> str:
        """Seconds, or 1 for a ratio."""
        return measures.unit(self.metric)

    @property
    def before(self) -> Estimate:
        """The old side."""
        return side(self.old, self.between)

    @property
    def after(self) -> Estimate:
        """The new side."""
        return side(self.new, self.between)

    @property
    def low(self) -> float:
        """The lower end of the shift's 95 % interval."""
        return self.shift - self._reach(CONFIDENCE)

    @property
    def high(self) -> float:
        """The upper end of the shift's 95 % interval."""
        return self.shift + self._reach(CONFIDENCE)

    @property
    def effect(self) -> Effect:
        """After against before, as a ratio and as a difference."""
        if self.rates is not None:
            return Effect(self.rates.ratio, self.rates.ci, self.shift)
        ratio = math.exp(self.shift)
        ci: Interval = (math.exp(self.low), math.exp(self.high))
        before = measures.natural(self.old, self.old.level)
        return Effect(ratio, ci, before * (ratio - 1.0))

    @property
    def least(self) -> float:
        """The smallest shift that would have been seen at this `alpha`."""
        if self.rates is not None:
            return self.rates.least(self.alpha, POWER)
        reach = student_quantile(1.0 - self.alpha, self.spread.freedom) + normal_quantile(POWER)
        return math.sqrt(self.spread.variance) * reach + self.blur

    @property
    def blur(self) -> float:
        """What of the shift more requests would not make any surer."""
        return self.old.blur + self.new.blur

    @property
    def mde(self) -> float:
        """The smallest ratio that would have been seen; of rates, after against before."""
        if self.rates is None:
            return math.exp(self.least)
        return (self.old.level + self.least) / max(self.old.level, 1.0 / self.old.total)

    def at_least(self, confidence: float) -> float:
        """What the shift is no less than, one-sided."""
        return self.shift - self._reach(confidence)

    def _reach(self, confidence: float) -> float:
        quantile = student_quantile(confidence, self.whole.freedom)
        return quantile * math.sqrt(self.whole.variance) + self.blur


def estimate(metric: str, windows: Sequence[Window], cpu: Iterable[Gauge] = ()) -> Estimate | None:
    """The metric over steady windows of one version; None where they do not hold it.

    `cpu` are the gauges of CPU seconds of the same intervals, for CPU per request.
    """
    cells = measures.read(metric, windows, cpu)
    return None if cells is None else side(cells, noise([cells]))


def compare(
    metric: str,
    before: Sequence[Window],
    after: Sequence[Window],
    cpu_before: Iterable[Gauge] = (),
    cpu_after: Iterable[Gauge] = (),
    *,
    expected: float = 0.0,
    alpha: float = 1e-3,
) -> Comparison | None:
    """The metric after against before, as these windows show it; None where a side is without it.

    `expected` is a shift that has another cause, on the scale of `shift`.
    """
    old = measures.read(metric, before, cpu_before)
    new = measures.read(metric, after, cpu_after)
    if old is None or new is None:
        return None
    return compare_cells(metric, old, new, expected=expected, alpha=alpha)


def compare_cells(
    metric: str,
    old: Cells,
    new: Cells,
    *,
    excess: Spread | None = None,
    allowance: float = 0.0,
    expected: float = 0.0,
    chances: float = 1.0,
    alpha: float = 1e-3,
) -> Comparison:
    """The same of sides that were read before.

    `excess` is the variance of the shift beyond that of sampling, where it is known better than
    from these windows; `allowance` the variance of what differs between any two runs; `expected` a
    shift that has another cause (the trend of others): all on the scale of `shift`. `chances` is
    in how many ways the same was compared, of which this is one.
    """
    between = noise([old, new])
    if excess is None:
        error = spread(old, between).plus(spread(new, between))
    else:
        error = sampling(old).plus(sampling(new)).plus(excess)
    if metric == measures.ERROR_RATE:
        rates = compare_rates(old, new, error)
        shift = new.level - old.level
        return Comparison(metric, old, new, between, shift, error, error, rates.p, alpha, rates)
    shift = new.level - old.level - expected
    deviation = math.sqrt(error.variance)
    p = student_tail(shift / deviation, error.freedom) if deviation > 0.0 else 0.5
    p = max(min(chances * p, 0.5), p)
    whole = error.plus(Spread(allowance, math.inf))
    return Comparison(metric, old, new, between, shift, error, whole, p, alpha)


def side(cells: Cells, between: Noise) -> Estimate:
    """The weighted mean of cells with its interval, in the metric's own unit."""
    error = spread(cells, between)
    if cells.scale == LINEAR:
        ci = rate_interval(cells.level, cells.total, error.variance)
    else:
        reach = student_quantile(CONFIDENCE, error.freedom) * math.sqrt(error.variance)
        reach += cells.blur
        ci = (math.exp(cells.level - reach), math.exp(cells.level + reach))
    value = measures.natural(cells, cells.level)
    return Estimate(value, ci, int(cells.total), float(cells.start[0]), cells.end, cells.version)
