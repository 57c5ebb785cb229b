"""How often the scan finds a step, how soon, and how often it finds one where there is none.

    python -m tests.bench.detection [--series 1000] [--tuning] [--only all/none] [--speed 100000]

Each series has 14 days of history and some weeks more, evaluated every 6 hours by the code of the
daemon and of `perfd backtest`, at the shipped operating point. What the series consist of was
committed before the detector (tests/bench/detection_corpus.toml); evaluation seeds are others than
those that thresholds were chosen on. Controls (tests/bench/detection_controls.py) run on the same
series: a single look, the plain two-sample test, and a CUSUM that takes cells for independent.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from perfd.detect.scan.levels import Levels
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.walk import Seen, View, Walk
from perfd.detect.tails import beta_quantile
from tests.bench.detection_controls import CONTROLS, alarms
from tests.bench.detection_corpus import NEVER, Corpus, composition, corpus, mixed

SETTINGS = ScanSettings()
MONDAY, HOUR = 345_600.0, 3600.0
SAME = 6  # cells between a change and what is said of it
MOST_WRONG = 4e-4  # a series-week: promised of the weather "all"
RECALLS = {"all/step5": 0.98, "all/step2": 0.87}
CONTROLLED = "all/none"


@dataclass(frozen=True)
class Row:
    """Weeks after the history, and how many series of it for one of the main row."""

    name: str
    weeks: int
    share: float


ROWS = (
    Row("iid/none", 4, 0.2),
    Row("correlated/none", 4, 0.2),
    Row("season/none", 4, 0.2),
    Row("spikes/none", 4, 0.2),
    Row("transients/none", 4, 0.2),
    Row(CONTROLLED, 4, 1.0),
    Row("rough/none", 4, 0.2),
    Row("all/step1", 2, 0.2),
    Row("all/step2", 2, 0.2),
    Row("all/step5", 2, 0.2),
    Row("all/step20", 2, 0.2),
    Row("all/steps", 2, 0.2),
    Row("rough/steps", 2, 0.2),
    Row("all/two_steps", 3, 0.2),
    Row("all/brief", 2, 0.2),
    Row("all/drift", 3, 0.1),
    Row("mixed", 3, 0.2),
)


@dataclass(frozen=True)
class Score:
    """Of a row: steps found in time, wrong findings, hours that the found ones took."""

    series: int
    weeks: int
    steps: int
    found: int
    confirmed: int
    wrong: int
    trends: int
    hours: tuple[int, ...]

    @property
    def line(self) -> str:
        """Recall and wrong findings with their 95 % intervals."""
        time_spent = self.series * self.weeks
        wrong = f"{self.wrong:5d} in {time_spent:6d} ({_per_10_000(self.wrong, time_spent)})"
        if not self.steps:
            return f"{'':<21} {'':>5} {wrong} {self.trends:6d}"
        low, high = _between(self.found, self.steps)
        recall = f"{self.found / self.steps:.3f} ({low:.3f}-{high:.3f})"
        delay = f"{np.median(self.hours):5.0f}" if self.hours else "    -"
        return f"{recall:<21} {delay} {wrong} {self.trends:6d}"


def made(row: Row, series: int, seed: int) -> Corpus:
    """The series of a row."""
    number = max(round(series * row.share), 10)
    if row.name == "mixed":
        return mixed(number, row.weeks, seed)
    plan = composition()
    weather, change = row.name.split("/")
    return corpus(plan["weather"][weather], plan["change"][change], number, row.weeks, seed)


def looks(cells: int) -> range:
    """The evaluations."""
    plan = composition()["time"]
    return range(plan["history"], cells + 1, plan["every"])


def walked(truth: Corpus, settings: ScanSettings) -> Walk:
    """All evaluations."""
    values = np.ascontiguousarray(truth.values.T)
    walk = Walk(Levels(values, MONDAY, HOUR, settings), settings)
    for end in looks(values.shape[1]):
        walk.look(end)
    return walk


def scored(truth: Corpus, walk: Walk, weeks: int) -> Score:
    """What was found against what is true; a second finding of the same change is a wrong one."""
    patience = composition()["time"]["patience"]
    found: dict[int, int] = {}
    wrong = 0
    for seen in walk.confirmed:
        if _right(truth, seen) and seen.series not in found:
            found[seen.series] = seen.end - int(truth.changed[seen.series])
        elif not _again(truth, seen):
            wrong += 1
    steps = int((truth.changed < NEVER).sum())
    in_time = sum(hours <= patience for hours in found.values())
    return Score(
        truth.values.shape[1], weeks, steps, in_time, len(walk.confirmed), wrong,
        len(walk.trends), tuple(found.values()),
    )  # fmt: skip


def _right(truth: Corpus, seen: Seen) -> bool:
    """At the time of the change, in its direction."""
    changed = int(truth.changed[seen.series])
    low, high = seen.step.at_ci
    near = abs(seen.step.at - changed) <= SAME or low <= changed <= high
    return bool(near and seen.step.shift * truth.sizes[seen.series] > 0.0)


def _again(truth: Corpus, seen: Seen) -> bool:
    """The second of two steps."""
    low, high = seen.step.at_ci
    again = int(truth.again[seen.series])
    return low - SAME <= again <= high + SAME


def measured_speed(series: int) -> Iterator[str]:
    """One evaluation of many unchanged series of 336 cells, a block at a time."""
    block = composition()["weather"]["all"]
    values = np.ascontiguousarray(corpus(block, {}, 2_000, 0, 1).values.T)
    history = Levels(values, MONDAY, HOUR, SETTINGS)
    none = np.zeros(2_000, dtype=np.int64)
    view = View(slice(None), 0, values.shape[1], none, none.astype(float))
    started = time.process_time()
    for _ in range(max(series // 2_000, 1)):
        history.evaluate(view)
    took = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield f"{series} series x 336 cells: {took:.1f} s of CPU, peak RSS {peak:.0f} MiB"


def _between(k: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval."""
    low = beta_quantile(0.025, k, n - k + 1) if k else 0.0
    high = beta_quantile(0.975, k + 1, n - k) if k < n else 1.0
    return low, high


def _per_10_000(k: int, n: int) -> str:
    low, high = (1e4 * bound for bound in _between(min(k, n), n))
    return f"{1e4 * k / n:6.1f} a 10,000, {low:.1f}-{high:.1f}"


def broken(row: Row, score: Score) -> bool:
    """Whether a promise is missed beyond doubt."""
    promised = RECALLS.get(row.name)
    if promised and _between(score.found, score.steps)[1] < promised:
        return True
    time_spent = score.series * score.weeks
    return row.name == CONTROLLED and _between(score.wrong, time_spent)[0] > MOST_WRONG


def controlled(truth: Corpus, weeks: int) -> Iterator[tuple[str, int, bool]]:
    """Each control's wrong findings, and whether it keeps the promise as well."""
    time_spent = truth.values.shape[1] * weeks
    single = ScanSettings(confirmations=1)
    counts = {"a single look": len(walked(truth, single).confirmed)}
    ends = looks(len(truth.values))
    counts |= {name: alarms(truth.values.T, ends, test) for name, test in CONTROLS.items()}
    for name, wrong in counts.items():
        yield name, wrong, _between(min(wrong, time_spent), time_spent)[0] <= MOST_WRONG


def main(arguments: Sequence[str]) -> int:
    """The table; 1 when a promise is missed beyond doubt, or a control keeps it."""
    options = _options(arguments)
    seed = composition()["seeds"]["tuning" if options.tuning else "evaluation"]
    print(f"seed {seed}; alpha {SETTINGS.alpha:g}, {SETTINGS.confirmations} confirmations")
    print(f"{'':<16} {'recall in 5 days':<21} {'hours':>5} {'wrong in series-weeks':<40} trends")
    failed = False
    for number, row in enumerate(ROWS):
        if options.only and options.only != row.name:
            continue
        truth = made(row, options.series, seed + 100 * number)
        score = scored(truth, walked(truth, SETTINGS), row.weeks)
        failed |= broken(row, score)
        print(f"{row.name:<16} {score.line}{_precision(score)}", flush=True)
        if row.name == CONTROLLED:
            for name, wrong, kept in controlled(truth, row.weeks):
                failed |= kept
                print(f"  control: {name:<32} {wrong:6d} wrong", flush=True)
    if not options.only:
        print(*measured_speed(options.speed), sep="\n")
    return int(failed)


def _precision(score: Score) -> str:
    if not score.steps or not score.confirmed:
        return ""
    return f"  precision {1.0 - score.wrong / score.confirmed:.3f}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="detection", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=1000, help="of the main row")
    parser.add_argument("--tuning", action="store_true", help="the seeds to choose thresholds on")
    parser.add_argument("--only", default="", help="one row, such as all/step5")
    parser.add_argument("--speed", type=int, default=20_000, help="series of the measure of speed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
