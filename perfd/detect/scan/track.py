"""What is remembered of one series between two evaluations, and what an evaluation makes of it.

A change is *suspected* when it is first seen, *confirmed* when several evaluations in a row have
seen it, a *trend* when it keeps moving, and *over* when the series goes back to its old level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.steps import Step
from perfd.model.finding import CONFIRMED, SUSPECTED, TREND

RETURNED = 0.5  # of the change, that may be left of it after it went back


@dataclass(frozen=True, slots=True)
class Seen:
    """A step with its cells counted in the whole history, found when `end` cells were known.

    `times` evaluations in a row have seen it; `first` is what the first of them saw. `over` is the
    cell at which the series went back to its old level, if it has.
    """

    step: Step
    series: int
    end: int
    times: int
    first: Step
    status: str
    over: int | None = None

    def moved(self, by: int) -> Seen:
        """Cells counted from another one."""
        over = None if self.over is None else self.over + by
        step, first = self.step.moved(by), self.first.moved(by)
        return replace(self, step=step, first=first, end=self.end + by, over=over)


@dataclass(frozen=True, slots=True)
class Track:
    """Of one series: the first cell that counts and the noise known from before it (0: none).

    `ramps` is how many evaluations in a row have found one; `pending` is what waits for its
    confirmation, `finding` the step that was confirmed last, `trend` the trend.
    """

    since: int = 0
    noise: float = 0.0
    ramps: int = 0
    pending: Seen | None = None
    finding: Seen | None = None
    trend: Seen | None = None

    def moved(self, by: int) -> Track:
        """Cells counted from another one: by -6 where the history begins six cells later."""
        pending, finding, trend = (
            None if seen is None else seen.moved(by)
            for seen in (self.pending, self.finding, self.trend)
        )
        since = max(self.since + by, 0)
        return replace(self, since=since, pending=pending, finding=finding, trend=trend)

    def quiet(self) -> Track:
        """After an evaluation that has found nothing, or nothing that stands."""
        return replace(self, ramps=0, pending=None)

    def climbed(self, seen: Seen, settings: ScanSettings) -> tuple[Track, Seen | None]:
        """After a ramp, which has no time of its own: any ramp is the same one.

        A step that was confirmed not long before, in its direction, has moved on: it is the trend.
        """
        now = replace(self, ramps=self.ramps + 1, pending=None)
        if now.ramps < settings.confirmations or self.trend is not None:
            return now, None
        if self.finding is not None and _moves_on(self.finding, seen, settings):
            trend = replace(self.finding, status=TREND)
            return replace(now, trend=trend, finding=None), trend
        trend = replace(seen, status=TREND)
        return replace(now, trend=trend), trend

    def waited(self, seen: Seen, settings: ScanSettings) -> Track:
        """After a step: the same as before is one time more."""
        last = self.pending
        if last is not None and _same(last.first, seen.step, settings.same):
            seen = replace(seen, times=last.times + 1, first=last.first)
        return replace(self, ramps=0, pending=seen)

    def outlasts(self, settings: ScanSettings) -> bool:
        """Whether what waits has stayed for longer than the last change that came and went."""
        was, now = self.finding, self.pending
        if was is None or now is None or was.over is None:
            return True
        lately = now.step.at - was.over <= settings.window
        alike = was.step.shift * now.step.shift > 0.0
        return not (lately and alike) or now.end - now.step.at > was.over - was.step.at

    def confirmed(self, settings: ScanSettings) -> tuple[Track, Seen]:
        """What waited stands: from here on its level is the baseline.

        Back at the old level within days it is no second finding, but the end of the first.
        """
        assert self.pending is not None
        seen = replace(self.pending, status=CONFIRMED)
        if self.finding is not None and _returns(self.finding, seen, settings):
            seen = replace(self.finding, over=seen.step.at)
        at, noise = self.pending.step.at, self.pending.step.noise
        return Track(since=at, noise=noise, finding=seen), seen


def suspected(step: Step, series: int, end: int) -> Seen:
    """Seen for the first time."""
    return Seen(step, series, end, 1, step, SUSPECTED)


def _same(first: Step, now: Step, apart: int) -> bool:
    """Whether a change is the one that was seen first: its time is near, or among the likely."""
    (low, high), (begin, end) = first.at_ci, now.at_ci
    near = abs(first.at - now.at) <= apart
    return near or (low <= now.at <= high and begin <= first.at <= end)


def _returns(finding: Seen, now: Seen, settings: ScanSettings) -> bool:
    """Whether `now` takes the series back to where it was before `finding`."""
    if finding.over is not None or now.step.at - finding.step.at > settings.soon:
        return False
    was, change = finding.step.shift, now.step.shift
    return was * change < 0.0 and abs(was + change) <= RETURNED * abs(was)


def _moves_on(finding: Seen, now: Seen, settings: ScanSettings) -> bool:
    """Whether the ramp `now` may be what `finding` was a part of."""
    if finding.over is not None or now.end - finding.step.at > settings.soon:
        return False
    return finding.step.shift * now.step.shift > 0.0
