"""How often a deploy is blamed for what its traffic did, and how often a regression still shows.

    python -m tests.bench.loads [--deploys 40]

One service of a single operation whose latency goes as in a queue, 1 / (1 - rate / capacity), with
window effects of 2 % (AR .7) and a day of history with its daily shape. Each row is a way in which
traffic moves around a deploy; each is run with an equal build and with one that is 1.3 times as
slow. A look is taken 40 minutes after the deploy by the code that the daemon runs. The control is
the same code without the checks of load and season, read off the trail: where these alone stood in
the way, it would have opened. It must blame the campaigns on equal builds.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from perfd.detect.case import DeployCase
from perfd.detect.deploy import judge
from perfd.detect.filters import load, season
from perfd.detect.settings import DetectSettings
from perfd.model.deploy import Deploy
from perfd.model.finding import Finding
from perfd.model.histogram import BUCKETS_PER_OCTAVE, Histogram
from perfd.model.series import REQUESTS, STEADY, Series
from perfd.model.window import Window

DEPLOYED = 1_700_041_200.0  # 09:40 UTC
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
LOOK = 40  # minutes after
CAPACITY = 600.0  # requests a minute
OPERATION = "POST /quote"
SLOWER = 1.3

Rate = Callable[[float], float]  # requests a minute, of minutes since the deploy


def shaped(minutes: float) -> float:
    """A day: 100 to 300 requests a minute, most at 14 o'clock."""
    hour = ((DEPLOYED + minutes * MINUTE) % DAY) / HOUR
    return 200.0 + 100.0 * math.cos(2.0 * math.pi * (hour - 14.0) / 24.0)


def times(factor: float, begins: float) -> Rate:
    """The usual day, and from some minute on a multiple of it, within two minutes."""
    return lambda m: shaped(m) * (1.0 + (factor - 1.0) * min(max((m - begins) / 2.0, 0.0), 1.0))


def rush(minutes: float) -> float:
    """Every morning the rate doubles within two hours around the deploy."""
    hours = (minutes % (24 * 60) + 60.0) / 60.0
    return 120.0 * (1.0 + min(hours / 2.0, 1.0)) if hours < 12.0 else 120.0


# What traffic does, and whether a build that is slower can be told from it 40 minutes later.
ROWS: dict[str, tuple[Rate, bool]] = {
    "as every day": (shaped, True),
    "a rush of every morning": (rush, True),
    "a campaign before both sides": (times(2.0, -90.0), True),
    "half as much again since the deploy": (times(1.3, 0.0), True),
    "a campaign of 3 times, after 20 minutes": (times(3.0, 20.0), True),
    "a campaign of 2 times with the deploy": (times(2.0, 0.0), False),
    "a campaign of 2.4 times after 10 minutes": (times(2.4, 10.0), False),
    "nearly half of the traffic stays away": (times(0.55, 0.0), False),
}


@dataclass
class Tally:
    """Of the deploys of a row."""

    opened: int = 0
    control: int = 0
    reasons: list[str] = field(default_factory=list)


def simulate(rate: Rate, slower: float, seed: int) -> DeployCase:
    """Windows of a day by the five minutes; of two hours before and the time after by minutes."""
    rng = np.random.default_rng(seed)
    effects = _effects(rng, 26 * 60)
    history = tuple(
        _window(rng, rate, m, 5, "1.0.0", effects[m // 5 % len(effects)])
        for m in range(-24 * 60, -120, 5)
    )
    fine = [_window(rng, rate, m, 1, "1.0.0", effects[m]) for m in range(-120, 0)]
    fine += [_window(rng, rate, m, 1, "1.1.0", effects[m] + math.log(slower)) for m in range(LOOK)]
    return DeployCase(
        deploy=Deploy("pricing", "prod", "1.1.0", "1.0.0", DEPLOYED),
        settings=DetectSettings(),
        pace=1.0,
        width=MINUTE,
        end=DEPLOYED + LOOK * MINUTE,
        looks=0,
        opened="",
        requests=tuple(fine),
        history=history,
    )


def _effects(rng: np.random.Generator, count: int) -> list[float]:
    """AR(1), sd 2 %, correlation .7."""
    values, value = [], float(rng.normal(0.0, 0.02))
    for step in rng.normal(0.0, 0.02 * math.sqrt(1.0 - 0.49), count):
        value = 0.7 * value + float(step)
        values.append(value)
    return values


def _window(
    rng: np.random.Generator, rate: Rate, minute: int, width: int, version: str, effect: float
) -> Window:
    wanted = rate(minute + width / 2.0)
    count = int(rng.poisson(wanted * width))
    level = math.log(0.04) - math.log(1.0 - min(wanted / CAPACITY, 0.95)) + effect
    series = Series.of(
        REQUESTS, service="pricing", version=version, environment="prod",
        operation=OPERATION, status="2xx", phase=STEADY,
    )  # fmt: skip
    held = histogram(np.exp(rng.normal(level, 0.6, max(count, 1))))
    return Window(series, DEPLOYED + minute * MINUTE, width * MINUTE, held.count, 0, held)


def histogram(values: np.ndarray) -> Histogram:
    """The same as Histogram.of, for arrays."""
    logs = np.log(values)
    factor = BUCKETS_PER_OCTAVE / math.log(2.0)
    indices, counts = np.unique(np.ceil(logs * factor).astype(int) - 1, return_counts=True)
    buckets = dict(zip(indices.tolist(), counts.tolist(), strict=True))
    sums = float(values.sum()), float(logs.sum()), float((logs * logs).sum())
    return Histogram(buckets, 0, len(values), *sums)


def run(rate: Rate, slower: float, deploys: int, seed: int) -> Tally:
    """One look at each of so many deploys."""
    tally = Tally()
    for number in range(deploys):
        case = simulate(rate, slower, seed + number)
        findings = [f.finding for f in judge(case, case.end).found]
        opened = any(f.opened for f in findings)
        tally.opened += opened
        tally.control += opened or any(_only_by_traffic(f) for f in findings)
    return tally


def _only_by_traffic(finding: Finding) -> bool:
    """Whether nothing but the checks of load and season stood in the way."""
    failed = {check.name for check in finding.checks if not check.passed}
    return bool(failed) and failed <= {load.NAME, season.NAME}


def main(argv: list[str]) -> int:
    """Exit 1 when equal builds are blamed, or the control does not blame them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deploys", type=int, default=40)
    deploys = parser.parse_args(argv).deploys
    print(f"{'traffic':42} {'equal: blamed':>14} {'(control)':>10} {'1.3 times: found':>18}")
    blamed = by_control = missed = 0
    for name, (rate, tells) in ROWS.items():
        equal = run(rate, 1.0, deploys, 10_000)
        slower = run(rate, SLOWER, deploys, 20_000)
        blamed, by_control = blamed + equal.opened, by_control + equal.control
        missed += (deploys - slower.opened) * tells
        found = f"{slower.opened}/{deploys}" + ("" if tells else " (not asked)")
        print(f"{name:42} {f'{equal.opened}/{deploys}':>14} {equal.control:>10} {found:>18}")
    total = deploys * len(ROWS)
    print(f"blamed {blamed} of {total}, the control {by_control}; missed {missed}")
    return int(blamed > total * 0.005 + 1 or by_control < deploys)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
