"""What the scan finds in public series, evaluated as by the daemon, and what a person calls it."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfd.detect.scan.levels import Levels
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.suited import counting
from perfd.detect.scan.walk import Seen, Walk
from perfd.detect.trends.counts import exposed
from tests.bench.public_pictures import Mark, Panel
from tests.bench.public_series import HOUR, WINDOW, Public

SETTINGS = ScanSettings()
EVERY = 6  # cells between evaluations
NEAR = 24  # cells by which a person's time and a finding's may differ
AFTER = 48  # cells after the finding, which its picture shows

CLEAR = ("step", "early", "return")
UNLABELLED = "unlabelled"
COLOURS = {"step": "#27ae60", "early": "#27ae60", "return": "#16a085"}
WRONG = "#c0392b"


@dataclass(frozen=True, slots=True)
class Label:
    """What a person calls the change at a cell of a series."""

    series: str
    cell: int
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """A confirmed step of a series, and the label that it got."""

    series: Public
    seen: Seen
    label: Label | None

    @property
    def name(self) -> str:
        """The label's."""
        return self.label.name if self.label else UNLABELLED

    @property
    def clear(self) -> bool:
        """A person sees a change of level there."""
        return self.name in CLEAR

    @property
    def line(self) -> str:
        """For the list."""
        step = self.seen.step
        return (
            f"{self.series.name:<12} {self.series.time(step.at)}  {self.times:<7}"
            f"  p {step.p:.0e}  found after {self.seen.end - step.at} h: {self.name}"
        )

    @property
    def times(self) -> str:
        """The ratio."""
        step = self.seen.step
        return f"x{step.after / step.before:.2f}" if step.before > 0.0 else "from 0"

    @property
    def panel(self) -> Panel:
        """Its picture: the window in which it was confirmed, and two days after it."""
        end = min(self.seen.end + AFTER, len(self.series.values))
        cells = range(max(self.seen.end - WINDOW, 0), end)
        return Panel(self.series, cells, (self.mark,))

    @property
    def mark(self) -> Mark:
        """What is drawn."""
        step, colour = self.seen.step, COLOURS.get(self.name, WRONG)
        level = float(np.nanmedian(self.series.values[step.at : self.seen.end]))
        words = f"{self.times} {self.name}"
        return Mark(step.at, step.at_ci[0], step.at_ci[1], level, colour, words)


def labels(series: Sequence[Public]) -> list[Label]:
    """Those of the series that are there."""
    told = tomllib.loads(Path(__file__).with_name("public_labels.toml").read_text("utf-8"))
    known = {one.name: one for one in series}
    return [
        Label(change["series"], known[change["series"]].cell(change["at"]), change["label"])
        for change in told["change"]
        if change["series"] in known
    ]


def walked(one: Public, settings: ScanSettings = SETTINGS) -> Walk:
    """All evaluations of a series; small counts have the count test, as errors of requests do."""
    values = one.values[None]
    history: Levels | Shares = Levels(values, one.start, HOUR, settings)
    if one.counts and counting(values)[0]:
        history = Shares(*exposed(values, np.where(np.isfinite(values), 1.0, np.nan)), settings)
    walk = Walk(history, settings)
    for end in range(settings.fewest, len(one.values) + 1, EVERY):
        walk.look(end)
    return walk


def findings(series: Sequence[Public], told: Sequence[Label]) -> list[Found]:
    """All confirmed steps."""
    return [
        Found(one, seen, _labelled(one, seen, told))
        for one in series
        for seen in walked(one).confirmed
    ]


def _labelled(one: Public, seen: Seen, told: Sequence[Label]) -> Label | None:
    """The nearest, of those within a day or within the interval of the change's time."""
    at, (low, high) = seen.step.at, seen.step.at_ci
    near = [
        label
        for label in told
        if label.series == one.name and min(low, at - NEAR) <= label.cell <= max(high, at + NEAR)
    ]
    return min(near, key=lambda label: abs(label.cell - at), default=None)


@dataclass(frozen=True, slots=True)
class Account:
    """Findings that are clear, and clear steps that were found."""

    findings: int
    clear: int
    visible: int
    hit: int
    missed: tuple[Label, ...]
    kinds: Counter[str]

    @property
    def precision(self) -> float:
        """Share of findings that are clear steps."""
        return self.clear / max(self.findings, 1)

    @property
    def recall(self) -> float:
        """Clear steps found of those visible."""
        return self.hit / max(self.visible, 1)


def account(found: Sequence[Found], told: Sequence[Label]) -> Account:
    """The two shares of the goals."""
    visible = [label for label in told if label.name == "step"]
    seen = [one.label for one in found]
    missed = tuple(label for label in visible if label not in seen)
    return Account(
        findings=len(found),
        clear=sum(one.clear for one in found),
        visible=len(visible),
        hit=len(visible) - len(missed),
        missed=missed,
        kinds=Counter(one.name for one in found),
    )
