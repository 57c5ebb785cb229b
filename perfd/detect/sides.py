"""Before and after, told apart by the version label and not by time.

Only steady requests are compared: an instance's first seconds are slow in every version. Where the
old version keeps running beside the new one for long enough, it is the control: both then have the
same weather. Without labels that differ, a few minutes around the deploy belong to neither side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perfd.detect.case import DeployCase
from perfd.detect.deploys import NO_VERSION
from perfd.model.finding import Interval
from perfd.model.profile import ProfileWindow
from perfd.model.series import STEADY
from perfd.model.window import Gauge, Window

ENOUGH = 2000  # requests before, beyond which an older baseline costs more than it brings
# For one request after: beyond, it brings a tenth of the error less, and the drift of more hours.
AS_MANY = 4
DAY = 86_400.0
FEWEST = 1.0 / 6.0  # of the baseline; with less than all of it nothing is opened (shadow)
SILENT = 300.0  # seconds without a request, after which it is said
NEARLY = 0.98  # windows do not begin and end exactly where the clock does

Operations = dict[str, list[Window]]
Belongs = Callable[[Window], bool]


@dataclass(frozen=True, slots=True)
class Sides:
    """Steady windows of each operation before and after, and what else belongs to each side."""

    before: Operations
    after: Operations
    older: Operations  # before `before`, coarser, newest last
    history: Operations  # the coarse and even part of `older`, in which placebos are made
    cpu_before: tuple[Gauge, ...]
    cpu_after: tuple[Gauge, ...]
    span_before: Interval
    span_after: Interval
    concurrent: bool
    provisional: bool
    lengths: tuple[float, float] | None = None  # seconds that were read, where not the whole spans

    @property
    def seconds(self) -> tuple[float, float]:
        """How long each side was looked at."""
        spans = self.span_before, self.span_after
        return self.lengths or (spans[0][1] - spans[0][0], spans[1][1] - spans[1][0])

    def baseline(self, operation: str) -> list[Window]:
        """The operation before: the last hour, and more of the day where requests were fewer."""
        enough = min(AS_MANY * sum(w.count for w in self.after.get(operation, ())), ENOUGH)
        chosen = list(self.before.get(operation, ()))
        if self.concurrent:
            return chosen
        held = sum(w.count for w in chosen)
        for window in reversed(self.older.get(operation, ())):
            if held >= enough:
                break
            chosen.append(window)
            held += window.count
        return sorted(chosen, key=lambda w: w.start)


@dataclass(frozen=True, slots=True)
class NotYet:
    """Why there are no two sides: `progress` of `needed` seconds after the deploy have been seen.

    `hopeless` when waiting does not help, because the baseline is what is missing.
    """

    reason: str
    progress: float
    needed: float
    hopeless: bool = False


def split(case: DeployCase) -> Sides | NotYet:
    """The two sides, or what is missing."""
    steady = [w for w in case.requests if w.series.label.get("phase", STEADY) == STEADY]
    is_before, is_after = _by_time(case) if _unlabelled(case) else _by_version(case)
    after = [w for w in steady if is_after(w) and w.start + w.width <= case.end + case.width / 2]
    before = [w for w in steady if is_before(w)]
    span_after = _span(after)
    needed = case.seconds(case.settings.after)
    progress = span_after[1] - span_after[0]
    if progress < needed * NEARLY:
        reason = f"{_minutes(progress, case)} of {_minutes(needed, case)} min after the deploy"
        if not any(is_after(w) for w in case.requests):
            reason = f"{reason}: no request names {case.deploy.version} yet"
        return NotYet(reason + _missing(case, steady, is_after), progress, needed)
    beside = [w for w in before if w.start >= span_after[0]]
    if _covers(beside, needed, case):
        return _sides(case, beside, after, (), concurrent=True)
    before = [w for w in before if w.start < case.deploy.at]
    return _with_baseline(case, before, after, progress)


def _missing(case: DeployCase, steady: Sequence[Window], is_after: Belongs) -> str:
    """What keeps the time after from growing: silence, or instances that are still new."""
    new = [w for w in case.requests if is_after(w) and w.count]
    if not new:
        return ""
    silent = case.end - max(w.start + w.width for w in new)
    if silent > case.seconds(SILENT):
        return f"; nothing came in the last {_minutes(silent, case)} min"
    if not any(is_after(w) for w in steady):
        return f"; its instances are warming up, after {sum(w.count for w in new)} requests"
    return ""


def _with_baseline(
    case: DeployCase, before: Sequence[Window], after: Sequence[Window], progress: float
) -> Sides | NotYet:
    needed = case.seconds(case.settings.baseline)
    older = [w for w in case.history if w.start < case.deploy.at]
    whole = _span([*older, *before])
    if whole[1] - whole[0] < needed * FEWEST * NEARLY:
        previous = case.deploy.previous or "the old version"
        reason = (
            f"{previous} ran for {_minutes(whole[1] - whole[0], case)} min before, "
            f"{_minutes(needed * FEWEST, case)} needed"
        )
        return NotYet(reason, progress, case.seconds(case.settings.after), hopeless=True)
    since = whole[1] - needed - case.width / 2
    # Where a silence lies before the deploy, the last hour of traffic is in the coarse part.
    recent = [w for w in (*older, *before) if w.start >= since]
    past = [w for w in (*older, *before) if w.start < since]
    return _sides(case, recent, after, past, concurrent=False)


def _sides(
    case: DeployCase,
    before: Sequence[Window],
    after: Sequence[Window],
    older: Sequence[Window],
    *,
    concurrent: bool,
) -> Sides:
    spans = _span(before), _span(after)
    reach = spans[0][1] - min((w.start for w in older), default=spans[0][1])
    has_day = reach >= DAY / case.pace * NEARLY - case.seconds(case.settings.baseline)
    return Sides(
        by_operation(before),
        by_operation(after),
        by_operation(older),
        {} if concurrent else by_operation(case.history),
        _gauges(case, case.deploy.previous, spans[0]),
        _gauges(case, case.deploy.version, spans[1]),
        *spans,
        concurrent,
        not (concurrent or has_day),
    )


def by_operation(windows: Iterable[Window]) -> Operations:
    """Windows of each operation, in time order."""
    found: defaultdict[str, list[Window]] = defaultdict(list)
    for window in sorted(windows, key=lambda w: w.start):
        found[window.series.label.get("operation", "")].append(window)
    return dict(found)


def belongs(part: Window | ProfileWindow, version: str, span: Interval) -> bool:
    """Whether it is steady, of a version, and begins in a span."""
    label = part.series.label
    steady = label.get("phase", STEADY) == STEADY
    return steady and label.get("version") == version and span[0] <= part.start < span[1]


def version_of(window: Window) -> str:
    """The version label."""
    return window.series.label.get("version", "")


def _unlabelled(case: DeployCase) -> bool:
    """Whether the version label does not tell the sides apart.

    A version that was announced and has no traffic yet is waited for where there are labels.
    """
    if case.deploy.version in ("", case.deploy.previous):
        return True
    return all(version_of(w) in NO_VERSION for w in case.requests)


def _by_version(case: DeployCase) -> tuple[Belongs, Belongs]:
    deploy = case.deploy
    earliest = deploy.at - case.seconds(case.settings.join)
    return (
        lambda w: version_of(w) == deploy.previous,
        lambda w: version_of(w) == deploy.version and w.start >= earliest,
    )


def _by_time(case: DeployCase) -> tuple[Belongs, Belongs]:
    at, mixed = case.deploy.at, case.seconds(case.settings.mixed)
    return (lambda w: w.start + w.width <= at, lambda w: w.start >= at + mixed)


def _covers(windows: Sequence[Window], needed: float, case: DeployCase) -> bool:
    """Whether the old version runs beside the new one for as long, and with as many requests."""
    span = _span(windows)
    enough = sum(w.count for w in windows) >= case.settings.min_requests
    return span[1] - span[0] >= needed * NEARLY and enough


def _gauges(case: DeployCase, version: str, span: Interval) -> tuple[Gauge, ...]:
    labelled = not _unlabelled(case)
    return tuple(
        g
        for g in case.cpu
        if span[0] <= g.start < span[1]
        and g.series.label.get("phase", STEADY) == STEADY
        and (not labelled or g.series.label.get("version") == version)
    )


def _span(windows: Sequence[Window]) -> Interval:
    if not windows:
        return (0.0, 0.0)
    return min(w.start for w in windows), max(w.start + w.width for w in windows)


def _minutes(seconds: float, case: DeployCase) -> str:
    """Minutes as the settings count them: at a pace of 60 a second is one of them."""
    return f"{seconds * case.pace / 60.0:.0f}"
