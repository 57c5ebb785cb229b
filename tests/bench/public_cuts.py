"""Whole histories: perfd's segments beside the peers, on the same series and scores.

A peer has a row at its defaults, or at a textbook's where a library has none, and one at the best
of all settings that are tried here on these very series; perfd has one setting for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perfd.detect.scan.segments import segments
from tests.bench.peers import Options, change_points
from tests.bench.tcpd import Annotated, covering, f1

Array = NDArray[np.float64]

DAY = 86_400.0

DEFAULTS: dict[str, Options] = {
    "otava": {"p": 0.001, "window": 50},
    "binseg": {"penalty": 2.0},  # Schwarz's criterion for a level and its place
    "pelt": {"penalty": 2.0},
}
TRIED: dict[str, list[Options]] = {
    "otava": [{"p": p, "window": window} for p in (1e-4, 1e-5, 1e-6) for window in (30, 50, 100)],
    **{
        method: [
            {"penalty": penalty, "noise": noise, "jump": 1}
            for penalty in (2, 3, 4, 5, 10, 20)
            for noise in ("all", "differences")
        ]
        for method in ("binseg", "pelt")
    },
}

Cuts = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Score:
    """By series: F1, covering, and how many cuts."""

    name: str
    f1s: Array
    coverings: Array
    cuts: Array

    @property
    def f1(self) -> float:
        """The mean."""
        return float(self.f1s.mean())

    @property
    def covering(self) -> float:
        """The mean."""
        return float(self.coverings.mean())

    @property
    def line(self) -> str:
        """For the table."""
        return f"{self.name:<48} {self.f1:5.3f} {self.covering:8.3f} {self.cuts.mean():6.1f}"


def scores(series: Sequence[Annotated]) -> Iterator[Score]:
    """perfd, no change, and each peer as it comes and at its best."""
    yield _score("perfd", series, perfd(series))
    yield _score("no change", series, [[]] * len(series))
    for method, options in DEFAULTS.items():
        yield _peer(method, series, options)
        tuned = [_peer(method, series, tried) for tried in TRIED[method]]
        for what, best in _bests(tuned):
            yield replace(best, name=f"{best.name}  best {what}")


def untuned(series: Sequence[Annotated]) -> Iterator[Score]:
    """Without the search for a best."""
    yield _score("perfd", series, perfd(series))
    yield _score("no change", series, [[]] * len(series))
    for method, options in DEFAULTS.items():
        yield _peer(method, series, options)


def said(values: Sequence[float]) -> list[int]:
    """How many changes perfd and each peer's default see in a series."""
    whole = Annotated("", tuple(values), 1, {})
    peers = (change_points(method, options, [values])[0] for method, options in DEFAULTS.items())
    return [len(perfd([whole])[0]), *(len(cut) for cut in peers)]


def perfd(series: Sequence[Annotated]) -> list[list[int]]:
    """The first cells of all segments but the first; a season of n cells is a day of n cells."""
    found = (segments(np.array(one.values), 0.0, DAY / one.season) for one in series)
    return [[segment.first for segment in cut[1:]] for cut in found]


def beaten(scored: Sequence[Score]) -> bool:
    """Whether the first row is ahead of all others in both scores."""
    own, *others = scored
    return all(own.f1 > other.f1 and own.covering > other.covering for other in others)


def ahead(scored: Sequence[Score]) -> Iterator[str]:
    """By how much, of the best other in each score; paired, with its standard error."""
    own, *others = scored
    for what, scores_of in (("F1", _f1s), ("covering", _coverings)):
        best = max(others, key=lambda other: scores_of(other).mean())
        gain = scores_of(own) - scores_of(best)
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        yield f"{what}: {gain.mean():+.3f} (standard error {error:.3f}) to {best.name}"


def _peer(method: str, series: Sequence[Annotated], options: Options) -> Score:
    told = " ".join(f"{name} {value}" for name, value in options.items())
    cuts = change_points(method, options, [one.values for one in series])
    return _score(f"{method} {told}", series, cuts)


def _bests(scored: Sequence[Score]) -> list[tuple[str, Score]]:
    return [
        ("F1", max(scored, key=lambda score: score.f1)),
        ("covering", max(scored, key=lambda score: score.covering)),
    ]


def _f1s(score: Score) -> Array:
    return score.f1s


def _coverings(score: Score) -> Array:
    return score.coverings


def _score(name: str, series: Sequence[Annotated], cuts: Cuts) -> Score:
    both = list(zip(series, cuts, strict=True))
    return Score(
        name,
        np.array([f1(one.annotations, cut) for one, cut in both]),
        np.array([covering(one.annotations, cut, len(one.values)) for one, cut in both]),
        np.array([len(cut) for cut in cuts], dtype=float),
    )
