"""What of the findings is right.

As announced: every step that was ever called confirmed is a finding, whatever became of it. It is
right at the time of a step that stays and in its direction, once; all else is wrong: a ramp, a
change that lasted for less than a day, the second finding of one step. What was only suspected is
none. That the series went back is the end of its finding and not another one.

As it stands: what a reader finds after the last evaluation. A step that kept moving is a trend by
then, and trends are findings: right where the series has a ramp, in its direction, wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.scan.track import Seen
from perfd.detect.tails import beta_quantile
from perfd.model.finding import CONFIRMED
from tests.bench.detection_corpus import NEVER, Corpus, composition

SAME = 6  # cells between a change and what is said of it
HEADING = (
    f"{'recall in 5 days':<21} {'hours':>5} {'wrong in series-weeks':<44} {'in its interval':<20} "
    f"{'precision as announced':<29} as it stands, trends too"
)


@dataclass(frozen=True)
class Walked:
    """What was said at the time, and the steps and trends there are at the end."""

    said: Sequence[Seen]
    steps: Sequence[Seen]
    trends: Sequence[Seen]

    @property
    def announced(self) -> list[Seen]:
        """Each finding as it was first called confirmed."""
        return [seen for seen in self.said if seen.status == CONFIRMED and seen.over is None]


@dataclass(frozen=True)
class Score:
    """Of a row: steps found in time, findings right and wrong, hours that the found ones took.

    `timed` is how many of the right ones have the change in the interval of its time.
    """

    series: int
    weeks: int
    steps: int
    found: int
    right: int
    wrong: int
    timed: int
    standing: tuple[int, int]
    hours: tuple[int, ...]

    @property
    def line(self) -> str:
        """Each figure with its 95 % interval."""
        spent = self.series * self.weeks
        wrong = f"{self.wrong:5d} in {spent:6d} ({_per_10_000(self.wrong, spent)})"
        delay = f"{np.median(self.hours):5.0f}" if self.hours else "     "
        figures = [
            f"{_part(self.found, self.steps):<21} {delay} {wrong:<44}",
            f"{_part(self.timed, self.right):<20}",
            f"{_part(self.right, self.right + self.wrong) if self.steps else '':<29}",
            _part(self.standing[0], sum(self.standing)),
        ]
        return " ".join(figures).rstrip()


def scored(truth: Corpus, walked: Walked, weeks: int) -> Score:
    """Both ways."""
    patience = composition()["time"]["patience"]
    right = _right_steps(truth, walked.announced)
    steps = len(_right_steps(truth, walked.steps))
    ramps = len({seen.series for seen in walked.trends if _is_ramp(truth, seen)})
    hours = [seen.end - int(truth.changed[seen.series]) for seen in right if _first(truth, seen)]
    return Score(
        series=truth.values.shape[1],
        weeks=weeks,
        steps=int((truth.changed < NEVER).sum()),
        found=sum(taken <= patience for taken in hours),
        right=len(right),
        wrong=len(walked.announced) - len(right),
        timed=sum(_timed(truth, seen) for seen in right),
        standing=(steps + ramps, len(walked.steps) + len(walked.trends) - steps - ramps),
        hours=tuple(hours),
    )


def between(k: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval."""
    low = beta_quantile(0.025, k, n - k + 1) if k else 0.0
    high = beta_quantile(0.975, k + 1, n - k) if k < n else 1.0
    return low, high


def _right_steps(truth: Corpus, findings: Iterable[Seen]) -> list[Seen]:
    """At the time of a change that stays and in its direction, each change once."""
    right: dict[tuple[int, bool], Seen] = {}
    for seen in findings:
        if _first(truth, seen) or _second(truth, seen):
            right.setdefault((seen.series, _first(truth, seen)), seen)
    return list(right.values())


def _first(truth: Corpus, seen: Seen) -> bool:
    return _at(truth, seen, int(truth.changed[seen.series]))


def _second(truth: Corpus, seen: Seen) -> bool:
    return _at(truth, seen, int(truth.again[seen.series]))


def _at(truth: Corpus, seen: Seen, cell: int) -> bool:
    low, high = seen.step.at_ci
    near = abs(seen.step.at - cell) <= SAME or low <= cell <= high
    return near and seen.step.shift * float(truth.sizes[seen.series]) > 0.0


def _is_ramp(truth: Corpus, seen: Seen) -> bool:
    same = seen.step.shift * float(truth.sizes[seen.series]) > 0.0
    return same and bool(truth.begins[seen.series] <= seen.end)


def _timed(truth: Corpus, seen: Seen) -> bool:
    low, high = seen.step.at_ci
    changes = (int(truth.changed[seen.series]), int(truth.again[seen.series]))
    return any(low <= cell <= high for cell in changes)


def _part(k: int, n: int) -> str:
    if not n:
        return ""
    low, high = between(k, n)
    return f"{k / n:.3f} ({low:.3f}-{high:.3f})"


def _per_10_000(k: int, n: int) -> str:
    low, high = (1e4 * bound for bound in between(min(k, n), n))
    return f"{1e4 * k / n:6.1f} a 10,000, {low:.1f}-{high:.1f}"
