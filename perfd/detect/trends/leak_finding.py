"""A leak as a finding: which version and instances, how fast, and when memory ends."""

from __future__ import annotations

from perfd.detect.trends.leak import Leak
from perfd.detect.trends.told import Stretch, sides, size, when
from perfd.model.finding import Check, Finding
from perfd.model.series import MEMORY, Series

Place = tuple[str, str]  # service and environment

METRIC = "memory"
MOST_NAMED = 5
# A ticket must say how its fix will be judged, and this kind cannot yet.
WITHOUT_TICKET = "it opens no ticket: no rule is built by which a later version would be judged"


def finding(place: Place, leak: Leak, end: float, width: float, now: float) -> Finding:
    """`end` is when the last hour ended, `width` how long an hour is (divided by pace)."""
    service, environment = place
    grown = leak.growth
    start = end - grown.hours * width
    first = grown.level - grown.line.slope * (grown.hours - 1)
    told = sides(grown.line, first, grown.level, Stretch(start, end, grown.hours, leak.version))
    return Finding(
        kind="leak",
        trigger="scan",
        status=leak.status,
        series=Series.of(MEMORY, service=service, environment=environment, version=leak.version),
        service=service,
        environment=environment,
        operation="",
        metric=METRIC,
        unit="By",
        change_at=start,
        change_ci=(start, start + width),
        found_at=now,
        before=told.before,
        after=told.after,
        effect=told.effect,
        p_value=grown.p,
        opened=False,
        reason=f"{_what(leak)}; {_end(leak, now, width)}; {WITHOUT_TICKET}",
        version=leak.version,
        checks=(*leak.checks, *_room(leak)),
    )


def _what(leak: Leak) -> str:
    line = leak.growth.line
    named = ", ".join(leak.instances[:MOST_NAMED])
    more = f" and {len(leak.instances) - MOST_NAMED} more"
    many = len(leak.instances) > 1
    return (
        f"{named}{more if len(leak.instances) > MOST_NAMED else ''} of {leak.version} "
        f"{'grow' if many else 'grows'} by {size(line.slope, (line.low, line.high))} an hour"
        f"{' (the fastest)' if many else ''}, for {leak.growth.hours} hours"
    )


def _end(leak: Leak, now: float, width: float) -> str:
    if leak.ends is None or leak.room is None:
        return "nobody says how much memory there is for it"
    ahead, ci = leak.ends
    date = when(now, ahead * width, (ci[0] * width, ci[1] * width))
    return f"{leak.room.what} has {size(leak.room.left)} left, which are used up on {date}"


def _room(leak: Leak) -> tuple[Check, ...]:
    """What a program reads of the date: hours from now."""
    if leak.ends is None or leak.room is None:
        return ()
    ahead, (early, late) = leak.ends
    inputs: dict[str, float | int | str] = {
        "left": leak.room.left,
        "hours": ahead,
        "early": early,
        "late": late,
        "slope": leak.growth.line.slope,
    }
    verdict = f"memory ends in {ahead:.0f} hours ({early:.0f} … {late:.0f})"
    return (Check("room", True, verdict, inputs),)
