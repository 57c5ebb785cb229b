"""How often a leak, a drift or a count is told where there is none, and how many that are there.

    python -m tests.bench.trends [--series 300] [--tuning] [--only memory limits drift counts size]

Memory is looked at every six hours of the first week of a process, latencies every day of four
weeks; wrong is a series that was told at any look. The controls must be wrong: the slope of least
squares with its own test, beside it the rule that Coroot has for leaks.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.walk import View
from perfd.detect.tails import beta_quantile
from perfd.detect.trends.counts import exposed, reach
from perfd.detect.trends.drift import Drift, drifts
from perfd.detect.trends.growth import Demand, growth
from perfd.detect.trends.leak import SURE, lasted
from perfd.detect.trends.mann_kendall import inflation, mann_kendall
from perfd.detect.trends.settings import TrendSettings
from perfd.detect.trends.theil_sen import theil_sen, until
from tests.bench.trends_controls import coroot_leak, hamed_rao, least_squares, yue_wang
from tests.bench.trends_limits import limits
from tests.bench.trends_series import Parts, composition, counts, hourly, memory

Array = NDArray[np.float64]
Look = Callable[[Array], bool]

SETTINGS = TrendSettings()
HOUR, MONDAY = 3600.0, 4 * 86_400.0
ALPHA = 1e-4  # of the controls, as of the trend
LEVELS = (0.05, 0.01)
PARTS = ("memory", "limits", "drift", "counts", "size")


class Told(NamedTuple):
    """Of one process: the hour at which each rule told it first, NaN for never."""

    suspected: float
    confirmed: float
    squares: float
    coroot: float
    covered: bool | None  # whether the interval of the first date held the true one


def main(arguments: Sequence[str]) -> int:
    """The tables; 1 where a control is never wrong."""
    parser = argparse.ArgumentParser(prog="trends", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=300, help="of each row")
    parser.add_argument("--tuning", action="store_true", help="the seeds to choose thresholds on")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    options = parser.parse_args(arguments)
    seed = composition()["seeds"]["tuning" if options.tuning else "evaluation"]
    tables = {"memory": memories, "limits": limits, "drift": ramps, "counts": rises, "size": sizes}
    return max(tables[name](options.series, seed) for name in options.only)


# --- memory ---------------------------------------------------------------------------------------


def memories(series: int, seed: int) -> int:
    """Leaks, and what is none."""
    plan = composition()["memory"]
    print(f"\nmemory: wrong in 1,000 instance-weeks (95 %), {series} weeks a row")
    print(f"{'no leak':>16}  {'suspected':>16}  {'confirmed':>16}  {'3 agree':>16}  OLS  Coroot")
    blind = 0
    for name, parts in plan["null"].items():
        told = _weeks(parts, series, seed, plan)
        squares, coroot = (
            sum(math.isfinite(getattr(t, f)) for t in told) for f in Told._fields[2:4]
        )
        blind += squares
        rows = (_number(told, "suspected"), _number(told, "confirmed"))
        agree = sum(_agree(told[i : i + plan["peers"]]) for i in range(0, series, plan["peers"]))
        cells = [_rate(hit, series) for hit in rows]
        cells.append(_rate(agree, series // plan["peers"]))
        other = f"{1e3 * squares / series:4.0f}  {1e3 * coroot / series:6.0f}"
        print(f"{name:>16}  {'  '.join(f'{cell:>16}' for cell in cells)}  {other}", flush=True)
    print(
        f"{'leak per hour':>16}  found  suspected after h  confirmed after h  before memory ends  "
        "the true date in the interval  Coroot, OLS found"
    )
    for rate in plan["leak"]["rates"]:
        _leaks(rate, series, seed, plan)
    return int(blind == 0)


def _leaks(rate: float, series: int, seed: int, plan: Parts) -> None:
    told = _weeks({**plan["leak"], "rate": rate}, series, seed + 1, plan, rate)
    suspected, confirmed, squares, coroot = (np.array([t[i] for t in told]) for i in range(4))
    ends = (plan["limit"] - 1.0) / rate
    held = [t.covered for t in told if t.covered is not None]
    print(
        f"{rate:16.1%}  {np.isfinite(suspected).mean():5.3f}  {_span(suspected):>17}  "
        f"{_span(confirmed):>17}  {(suspected < ends).mean():18.3f}  "
        f"{f'{sum(held)} of {len(held)}':>29}  "
        f"{np.isfinite(coroot).mean():.3f}, {np.isfinite(squares).mean():.3f}",
        flush=True,
    )


def _weeks(parts: Parts, series: int, seed: int, plan: Parts, rate: float = 0.0) -> list[Told]:
    rows = memory(parts, series, np.random.default_rng(seed))
    return [_week(row, plan, rate) for row in rows]


def _week(row: Array, plan: Parts, rate: float) -> Told:
    hours = round(SETTINGS.leak_after / HOUR)
    demand = Demand(hours, SETTINGS.leak_growth, float(SETTINGS.leak_bytes))
    first = dict.fromkeys(Told._fields[:4], math.nan)
    covered = None
    for end in range(hours, plan["hours"] + 1, plan["every"]):
        lows = row[:end]
        found = growth(lows, demand)
        sure = found.grows and found.hours >= SURE * hours
        left = (plan["limit"] - 1.0) / rate - end if rate else 0.0
        limit = plan["limit"] * plan["level"]
        ends = until(found.line, found.level, limit, found.about)
        told = found.grows and lasted(found.hours, SURE * hours, ends).passed
        if told and left > 0.0 and covered is None:
            covered = ends[1][0] <= left <= ends[1][1]
        looks = {
            "suspected": told,
            "confirmed": sure,
            "squares": least_squares(lows, demand.part, ALPHA),
            "coroot": coroot_leak(lows, limit),
        }
        for name, hit in looks.items():
            if hit and math.isnan(first[name]):
                first[name] = float(end)
    return Told(**first, covered=covered)


def _number(told: Sequence[Told], field: str) -> int:
    return sum(math.isfinite(getattr(t, field)) for t in told)


def _agree(peers: Sequence[Told]) -> bool:
    """Whether half of the instances were confirmed at any time."""
    return 2 * _number(peers, "confirmed") >= len(peers)


# --- drift ----------------------------------------------------------------------------------------


def ramps(series: int, seed: int) -> int:
    """Drifts, and what is none."""
    plan = composition()["drift"]
    weeks = (plan["hours"] - plan["window"]) / 168.0
    print(
        f"\ndrift: wrong series of {series}, each {weeks:.0f} weeks; told at 1 % a week and above"
    )
    print(f"{'no drift':>16}  {'told':>16}  {'above the floor':>16}  OLS   (in 1,000 series-weeks)")
    blind = 0
    for name, parts in plan["null"].items():
        told, above, squares = _months(hourly(parts, series, np.random.default_rng(seed)), plan)
        blind += (wrong := int(np.isfinite(squares).sum()))
        cells = [_rate(int(np.isfinite(hit).sum()), series, weeks) for hit in (told, above)]
        other = f"{1e3 * wrong / series / weeks:4.0f}"
        print(f"{name:>16}  {cells[0]:>16}  {cells[1]:>16}  {other}", flush=True)
    print(f"{'a week':>16}  found  after h (10-90 %)")
    for rate in plan["ramp"]["rates"]:
        parts = {**plan["null"]["all"], "rate": rate}
        told, *_ = _months(hourly(parts, series, np.random.default_rng(seed + 1)), plan)
        hours = told[np.isfinite(told)] - plan["ramp"]["start"]
        print(f"{rate:16.1%}  {len(hours) / series:5.3f}  {_span(hours)}", flush=True)
    return int(blind == 0)


def _months(rows: Array, plan: Parts) -> tuple[Array, Array, Array]:
    """When each series was told first, told above the floor, and told by least squares."""
    told, above, squares = (np.full(len(rows), np.nan) for _ in range(3))
    fewest, floor = round(SETTINGS.drift_after / HOUR), SETTINGS.drift_floor
    for end in range(plan["window"], plan["hours"] + 1, plan["every"]):
        x = np.log(rows[:, end - plan["window"] : end])
        start = MONDAY + (end - plan["window"]) * HOUR
        for drift in drifts(x, start, HOUR, floor, fewest):
            _note(drift, end, told, above)
        for i, row in enumerate(x):
            if math.isnan(squares[i]) and least_squares(np.exp(row), 0.02, ALPHA):
                squares[i] = end
    return told, above, squares


def _note(drift: Drift, end: int, told: Array, above: Array) -> None:
    if drift.told and math.isnan(told[drift.row]):
        told[drift.row] = end
    if drift.passed and math.isnan(above[drift.row]):
        above[drift.row] = end


# --- counts ---------------------------------------------------------------------------------------


def rises(series: int, seed: int) -> int:
    """Changes of rare counts at an unknown time, by the scan of shares, and what it could see."""
    plan, scan = composition()["counts"], ScanSettings()
    draw = np.random.default_rng(seed)
    new = np.arange(plan["hours"]) >= plan["hours"] - plan["after"]
    print(f"\ncounts: one look, a rise {plan['after']} hours ago; found and wrong, of {series}")
    print(
        f"{'rate':>6} {'n/h':>5} {'phi':>4}  could see  "
        + "  ".join(f"x{r:g}" for r in plan["rises"])
    )
    for rate in plan["rates"]:
        for exposure in plan["exposures"]:
            for phi in plan["dispersions"]:
                usual = np.full(plan["hours"], rate)
                quiet = counts(usual, exposure, phi, series, draw)
                n = np.full_like(quiet, float(exposure))
                seen = reach(quiet[0], n[0], plan["after"], scan.alpha)
                assert seen is not None
                hits = [
                    _steps(
                        counts(
                            usual + (r - 1.0) * max(rate, 1e-3) * new, exposure, phi, series, draw
                        ),
                        n,
                        scan,
                    )
                    for r in plan["rises"]
                ]
                print(
                    f"{rate:6.1%} {exposure:5d} {phi:4.0f}  {seen.rate:9.2%}  "
                    f"{'  '.join(str(h) for h in hits)}  wrong {_steps(quiet, n, scan)}",
                    flush=True,
                )
    return 0


def _steps(k: Array, n: Array, scan: ScanSettings) -> int:
    none = np.zeros(len(k), dtype=np.int64)
    view = View(slice(None), 0, k.shape[1], none, none.astype(float))
    return sum(step.passed for step in Shares(*exposed(k, n), scan).evaluate(view))


# --- the size of the test -------------------------------------------------------------------------


def sizes(series: int, seed: int) -> int:
    """How often Mann-Kendall finds a trend in AR(1) noise, by its correction."""
    draw = np.random.default_rng(seed)
    print(f"\nsize: trends found in {series} series of noise at {LEVELS[0]:.0%} ({LEVELS[1]:.0%})")
    print(
        f"{'cells':>5} {'phi':>4}  {'plain':>14}  {'Hamed-Rao':>14}  {'Yue-Wang':>14}  {'ours':>14}"
    )
    blind = 0
    for cells in (14, 56, 168):
        for phi in (0.0, 0.3, 0.6, 0.8):
            wrong = np.array([_sizes(_noise(cells, phi, draw)) for _ in range(series)]).mean(axis=0)
            blind += int(wrong[0, 0] > 0.1)
            shown = "  ".join(f"{of[0]:6.3f} ({of[1]:.3f})" for of in wrong)
            print(f"{cells:5d} {phi:4.1f}  {shown}", flush=True)
    return int(blind == 0)


def _sizes(x: Array) -> list[list[bool]]:
    t = np.arange(float(len(x)))
    residuals = x - theil_sen(t, x).slope * t
    factors = (1.0, hamed_rao(residuals), yue_wang(residuals), inflation(residuals))
    return [[mann_kendall(x, factor).p < level for level in LEVELS] for factor in factors]


def _noise(cells: int, phi: float, draw: np.random.Generator) -> Array:
    x = draw.standard_normal(cells)
    x[1:] *= math.sqrt(1.0 - phi * phi)
    for at in range(1, cells):
        x[at] += phi * x[at - 1]
    return x


# --- words ----------------------------------------------------------------------------------------


def _span(hours: Array) -> str:
    """The median, and from the tenth to the ninetieth of a hundred."""
    known = hours[np.isfinite(hours)]
    if len(known) == 0:
        return "-"
    low, middle, high = np.quantile(known, (0.1, 0.5, 0.9))
    return f"{middle:.0f} ({low:.0f} … {high:.0f})"


def _rate(hits: int, series: int, weeks: float = 1.0) -> str:
    """In 1,000 weeks, with the exact 95 % interval."""
    low = beta_quantile(0.025, hits, series - hits + 1.0) if hits else 0.0
    high = beta_quantile(0.975, hits + 1.0, series - hits) if hits < series else 1.0
    unit = 1e3 / weeks
    return f"{unit * hits / series:.1f} ({unit * low:.1f} … {unit * high:.1f})"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
