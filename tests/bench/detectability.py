"""What the self-test costs, and whether the recall that it says is the recall that there is.

    python -m tests.bench.detectability [--series 50]

Series are those of tests/bench/detection_corpus.toml (weather "all"). The truth is what the scan
catches of steps in *fresh* series of the same weather; the self-test sees only copies of the old
ones. Its control takes copies that were smoothed over three hours: their hours resemble each other
more than those of the series do, so what it says of the recall must be wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.detectability.copies import CopiedLevels
from perfd.detect.detectability.ladder import RELATIVE
from perfd.detect.detectability.measure import Measured, measured
from perfd.detect.detectability.trials import Bench
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.tune.rate import Rate
from tests.bench.detection import HOUR, MONDAY
from tests.bench.detection_corpus import composition, corpus

Array = NDArray[np.float64]
SETTINGS = ScanSettings()
WEATHER = "all"
SEED = 20_261_121


def series(number: int, seed: int) -> CopiedLevels:
    """Fourteen days in which nothing changes."""
    values = corpus(composition()["weather"][WEATHER], {}, number, 0, seed).values.T
    return CopiedLevels(np.ascontiguousarray(values), MONDAY, HOUR)


def bench(seed: int) -> Bench:
    """At the shipped settings."""
    return Bench(SETTINGS, np.random.default_rng(seed))


def truth(number: int, size: float) -> Rate:
    """Of fresh series, each with one step: how many are caught; no day is moved."""
    caught = of = 0
    for turn in range(4):
        fresh = series(number, SEED + 1 + turn)
        once = replace(bench(SEED + 100 + turn), copies=1)
        in_place = fresh.known.shape[1]  # days before it stay: all of them
        caught += int(once.caught(fresh, in_place, np.full(number, size)).sum())
        of += number
    return Rate(caught, of)


def smoothed(copied: CopiedLevels) -> CopiedLevels:
    """Means of three hours."""
    kernel = np.ones(3) / 3.0
    rows = [
        np.convolve(row, kernel, mode="same")
        for row in np.pad(copied.values, ((0, 0), (1, 1)), mode="edge")
    ]
    return replace(copied, values=np.array(rows)[:, 1:-1])


def said(found: Sequence[Measured], place: int) -> Rate:
    """The recall of a usual size over all series."""
    recalls = [one.recalls[place] for one in found if one.recalls]
    return Rate(sum(r.caught for r in recalls), sum(r.of for r in recalls))


def shown(rate: Rate) -> str:
    return f"{rate.value:.3f} ({rate.low:.3f}-{rate.high:.3f})"


def main(arguments: Sequence[str]) -> int:
    """1 when what is said is not what is, or the control says it as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=50)
    number = parser.parse_args(arguments).series
    began = time.process_time()
    own = series(number, SEED)
    found = measured(own, RELATIVE, bench(SEED))
    took = time.process_time() - began
    print(f"{number} series: {took:.1f} s of CPU; 500 in a night: {took / number * 500:.0f} s")
    wrong, weeks = sum(one.wrong for one in found), sum(one.weeks for one in found)
    print(f"unchanged copies: {wrong} wrong findings in {weeks:,.0f} series-weeks")
    seen = [one.smallest for one in found if one.smallest is not None]
    if seen:
        blind = len(found) - len(seen)
        print(f"smallest seen within a day: median {np.median(seen):.1%}, {blind} blind")
    control = measured(smoothed(own), RELATIVE, bench(SEED))
    right = fooled = True
    for place, size in enumerate(RELATIVE.usual):
        is_, says, naive = truth(number, size), said(found, place), said(control, place)
        # Series of one weather differ among themselves: 5 points beside both intervals.
        right &= says.low - 0.05 <= is_.high and is_.low <= says.high + 0.05
        fooled &= naive.low - 0.05 <= is_.high and is_.low <= naive.high + 0.05
        print(
            f"recall of {size:.0%}: true {shown(is_)}, said {shown(says)}, control {shown(naive)}"
        )
    return 0 if right and not fooled else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
