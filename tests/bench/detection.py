"""How often the scan finds a step, how soon, and how often it finds one where there is none.

    python -m tests.bench.detection [--series 1000] [--tuning] [--only all/none] [--speed 100000]

Each series has 14 days of history and some weeks more, evaluated every 6 hours by the code of the
daemon and of `perfd backtest`, at the shipped operating point. What the series consist of was
committed before the detector (tests/bench/detection_corpus.toml); evaluation seeds are others than
those that thresholds were chosen on. How findings are scored: tests/bench/detection_score.py.

Controls (tests/bench/detection_controls.py) run on the same series: a single look without filters,
the plain two-sample test, and a CUSUM that takes cells for independent.
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
from perfd.detect.scan.walk import View, Walk
from tests.bench.detection_controls import CONTROLS, alarms
from tests.bench.detection_corpus import Corpus, composition, corpus, mixed
from tests.bench.detection_score import HEADING, Score, Walked, between, scored

SETTINGS = ScanSettings()
MONDAY, HOUR = 345_600.0, 3600.0
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


def walked(truth: Corpus, settings: ScanSettings) -> Walked:
    """All evaluations."""
    values = np.ascontiguousarray(truth.values.T)
    walk = Walk(Levels(values, MONDAY, HOUR, settings), settings)
    said = [seen for end in looks(values.shape[1]) for seen in walk.look(end)]
    return Walked(said, list(walk.confirmed), list(walk.trends.values()))


def single_looks(truth: Corpus) -> int:
    """How often a look begins to find a step beyond chance, before the filters and the waiting."""
    values = np.ascontiguousarray(truth.values.T)
    history = Levels(values, MONDAY, HOUR, SETTINGS)
    none = np.zeros(len(values), dtype=np.int64)
    count, firing = 0, set[int]()
    for end in looks(values.shape[1]):
        view = View(slice(None), end - SETTINGS.window, end, none, none.astype(float))
        fires = {step.row for step in history.evaluate(view)}
        count += len(fires - firing)
        firing = fires
    return count


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


def broken(row: Row, score: Score) -> bool:
    """Whether a promise is missed beyond doubt."""
    promised = RECALLS.get(row.name)
    if promised and between(score.found, score.steps)[1] < promised:
        return True
    time_spent = score.series * score.weeks
    return row.name == CONTROLLED and between(score.wrong, time_spent)[0] > MOST_WRONG


def controlled(truth: Corpus, weeks: int) -> Iterator[tuple[str, int, bool]]:
    """Each control's wrong findings, and whether it keeps the promise as well."""
    time_spent = truth.values.shape[1] * weeks
    counts = {"a single look, nothing ruled out": single_looks(truth)}
    ends = looks(len(truth.values))
    counts |= {name: alarms(truth.values.T, ends, test) for name, test in CONTROLS.items()}
    for name, wrong in counts.items():
        yield name, wrong, between(min(wrong, time_spent), time_spent)[0] <= MOST_WRONG


def main(arguments: Sequence[str]) -> int:
    """The table; 1 when a promise is missed beyond doubt, or a control keeps it."""
    options = _options(arguments)
    seed = composition()["seeds"]["tuning" if options.tuning else "evaluation"]
    print(f"seed {seed}; alpha {SETTINGS.alpha:g}, {SETTINGS.confirmations} confirmations")
    print(f"{'':<16} {HEADING}")
    failed = False
    for number, row in enumerate(ROWS):
        if options.only and options.only != row.name:
            continue
        truth = made(row, options.series, seed + 100 * number)
        score = scored(truth, walked(truth, SETTINGS), row.weeks)
        failed |= broken(row, score)
        print(f"{row.name:<16} {score.line}", flush=True)
        if row.name == CONTROLLED:
            for name, wrong, kept in controlled(truth, row.weeks):
                failed |= kept
                print(f"  control: {name:<32} {wrong:6d} wrong", flush=True)
    if not options.only:
        print(*measured_speed(options.speed), sep="\n")
    return int(failed)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="detection", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=1000, help="of the main row")
    parser.add_argument("--tuning", action="store_true", help="the seeds to choose thresholds on")
    parser.add_argument("--only", default="", help="one row, such as all/step5")
    parser.add_argument("--speed", type=int, default=20_000, help="series of the measure of speed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
