"""What is said to be found nine times in ten is, and half of that change is not."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import pytest

from perfd.detect import looks, measures
from perfd.detect.budget import PRUDENCE
from perfd.detect.candidates import candidates
from perfd.detect.filters import effect_floor
from perfd.detect.least import least_changes
from perfd.detect.sides import NotYet, split
from tests.bench.deploy_world import DEPLOYED, MINUTE, Shape, Weather, simulate

SHAPE = Shape(rates=(100.0, 60.0, 40.0), after=42, weather=Weather(restart_sd=0.0))
SLOW = "GET /0"
DEPLOYS = 30


def found(effect: float, metric: str, seed: int) -> bool:
    """Whether the second look finds the metric of the slower operation, above its floor."""
    case = replace(simulate(replace(SHAPE, effect=effect), seed), looks=1)
    sides = split(case)
    assert not isinstance(sides, NotYet)
    tested = candidates(case, sides, case.share.alpha * PRUDENCE * looks.share(case))
    (one,) = [c for c in tested if (c.operation, c.metric) == (SLOW, metric)]
    return one.significant and effect_floor.check(one).passed


@pytest.mark.slow
@pytest.mark.parametrize("metric", [measures.LATENCY_MEAN, measures.LATENCY_P95])
def test_nine_in_ten(metric: str) -> None:
    unchanged = (replace(simulate(SHAPE, seed), looks=1) for seed in range(8))
    least = median(least_changes(case)[SLOW, metric] for case in unchanged)
    seen = sum(found(1.0 + least, metric, 100 + seed) for seed in range(DEPLOYS))
    half = sum(found(1.0 + least / 2.0, metric, 200 + seed) for seed in range(DEPLOYS))
    assert seen >= 0.75 * DEPLOYS, (least, seen)  # P[fewer] = 0.5 % at 0.9
    assert half <= 0.6 * DEPLOYS, (least, half)


def test_nothing_is_said_of_what_is_not_tested() -> None:
    case = simulate(replace(SHAPE, rates=(100.0, 2.0), history=180), 1)
    told = least_changes(replace(case, looks=1))
    assert (SLOW, measures.LATENCY_MEAN) in told
    assert not any(operation == "GET /1" for operation, _ in told)
    assert least_changes(replace(case, end=DEPLOYED + MINUTE)) == {}
