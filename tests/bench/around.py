"""What the filters of a scanned change reject, and what they keep.

    python -m tests.bench.around [--cases 100] [--only mix] [--seeds tuning]

Each simulated change (tests/bench/around_world.py) is one that the scan would have found: a row is
either an artefact, which has to be rejected, or a regression of the code, alone or beside an
artefact, which has to be kept (marked - where that is told and not asked). The control has no
filters but the size of the change: it rejects what is below the floor, and so next to nothing.
Intervals are 95 %, Wilson's.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from typing import Any

from perfd.detect.around.case import FLOOR
from perfd.detect.around.filters import trail
from tests.bench.around_world import CORPUS, simulate

GOAL = 0.95
CONTROL = 0.05


def wilson(k: int, n: int) -> tuple[float, float]:
    """95 %."""
    z = 1.959964
    p, middle = k / n, (k + z * z / 2.0) / (n + z * z)
    half = z * math.sqrt(p * (1.0 - p) * n + z * z / 4.0) / (n + z * z)
    return middle - half, middle + half


def run(row: dict[str, Any], cases: int, seed: int) -> tuple[int, int, Counter[str]]:
    """Rejected by the filters, by the control, and by which filter."""
    rejected = control = 0
    by: Counter[str] = Counter()
    for number in range(cases):
        case = simulate(row, seed + number)
        failed = [check.name for check in trail(case) if not check.passed]
        rejected += bool(failed)
        control += case.shift < FLOOR
        by.update(failed)
    return rejected, control, by


def main(argv: list[str]) -> int:
    """Exit 1 where a row misses its goal, or the control rejects artefacts as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", choices=tuple(CORPUS["seeds"]), default="evaluation")
    options = parser.parse_args(argv)
    print(f"{'row':34} {'right':>10} {'95 %':>14} {'control':>9}  rejected by")
    bad = 0
    for place, (name, row) in enumerate(CORPUS["row"].items()):
        if options.only not in name:
            continue
        seed = CORPUS["seeds"][options.seeds] + 1000 * place
        rejected, control, by = run(row, options.cases, seed)
        keep = bool(row.get("beside"))
        right = options.cases - rejected if keep else rejected
        low, high = wilson(right, options.cases)
        asked = row.get("asked", True)
        bad += asked and (right < GOAL * options.cases or control > CONTROL * options.cases)
        told = ", ".join(f"{n} {k}" for n, k in by.most_common())
        what = f"{right}/{options.cases}" + ("" if asked else " -")
        print(
            f"{name:34} {what:>10} {f'{low:.3f}..{high:.3f}':>14} {control:>9}  {told}", flush=True
        )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
