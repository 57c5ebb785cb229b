"""What each operation would have done without the deploy: the shift to expect, and its noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perfd.detect.beside import Shift, others, relative, shift_of
from perfd.detect.cells import LINEAR, Cells
from perfd.detect.excess import FEWEST_PEERS, Raw, moderated, raw, usual
from perfd.detect.noise import Spread
from perfd.detect.placebo import Grid, placebos


@dataclass(frozen=True, slots=True)
class OneMetric:
    """The cells of one metric of one operation: both sides, and the day before."""

    old: Cells
    new: Cells
    past: Cells | None


@dataclass(frozen=True, slots=True)
class Expected:
    """`shift` is the one to expect, `excess` its variance beyond that of the own requests.

    `chances` is in how many ways the operation is compared, each of which may be wrong.
    """

    shift: float
    excess: Spread
    chances: float = 1.0


def controls(sides: Mapping[str, OneMetric], on: Grid | None) -> dict[str, Shift]:
    """The control of each operation, from the mean latency of the others."""
    own = _raws(sides, on)
    by_placebo = {name: shift for name, (one, shift) in own.items() if shift and one.by_placebo}
    return others(by_placebo, usual([own[name][0] for name in by_placebo])) if by_placebo else {}


def expected(
    sides: Mapping[str, OneMetric], on: Grid | None, beside: Mapping[str, Shift]
) -> dict[str, Expected]:
    """Of each operation; with `beside` each is compared with the others as well.

    That comparison is chosen where the day before shows it to be the less noisy one.
    """
    own = _raws(sides, on)
    by_itself = dict(zip(own, moderated([one for one, _ in own.values()]), strict=True))
    for name, (one, _) in own.items():
        if one.by_placebo:  # what the hour itself says of its noise is said at its own rate
            by_itself[name] = at_rate(sides[name], by_itself[name])
    found = {name: Expected(0.0, excess) for name, excess in by_itself.items()}
    less = _relatives(own, beside)
    if len(less) < FEWEST_PEERS or usual(list(less.values())) >= usual([own[n][0] for n in less]):
        return found
    for name, excess in zip(less, moderated(list(less.values())), strict=True):
        if beside[name].usual:
            doubt = excess.plus(Spread(beside[name].sampling, float("inf")))
            found[name] = Expected(beside[name].value, doubt, 2.0)
        else:
            found[name] = Expected(0.0, by_itself[name], 2.0)
    return found


def at_rate(one: OneMetric, excess: Spread) -> Spread:
    """The excess of a rate of errors, at the rate that is to be judged.

    Bursts go with the rate: their variance is taken to grow with it, as in quasi-Poisson models,
    since the variance of a quiet day would call each burst a change.
    """
    if one.old.scale != LINEAR or one.past is None or one.past.level <= 0.0:
        return excess
    rate = (one.old.level + one.new.level) / 2.0
    return Spread(excess.variance * max(rate / one.past.level, 1.0), excess.freedom)


def _raws(sides: Mapping[str, OneMetric], on: Grid | None) -> dict[str, tuple[Raw, Shift | None]]:
    """Each operation by itself."""
    found: dict[str, tuple[Raw, Shift | None]] = {}
    for name, one in sides.items():
        shift = None
        if on is not None and one.past is not None:
            shift = shift_of(one.old, one.new, placebos(one.past, on))
        found[name] = raw(one.old, one.new, shift.placebos.excess() if shift else None), shift
    return found


def _relatives(
    own: Mapping[str, tuple[Raw, Shift | None]], beside: Mapping[str, Shift]
) -> dict[str, Raw]:
    """Those whose hour is like the day before, less their control."""
    found: dict[str, Raw] = {}
    for name, (one, shift) in own.items():
        if shift is not None and one.by_placebo and name in beside:
            less = relative(shift, beside[name])
            if less is not None:
                found[name] = less
    return found
