"""What is known of each service over the last hour: the rows of the overview and `GET services`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from perfd.model.judgement import WAITING, Judgement
from perfd.model.series import CPU_TIME
from perfd.model.ticket import State, Ticket
from perfd.model.times import floor_to
from perfd.model.window import Window
from perfd.web.reader import Reader
from perfd.web.recent import Recent
from perfd.web.red import Red, Span, combined, grouped, in_order, over_time

HOUR = 3_600.0  # seconds, divided by pace
DAY = 86_400.0
STEPS = 60
# The newest part of the hour, which is compared with the rest of it.
RECENT = 600.0

REGRESSED, JUDGING, OK = "regressed", "judging", "ok"
QUIET, SILENT = "quiet", "silent"  # never sent a request; sent some, but none in the hour
About = TypeVar("About", Ticket, Judgement)
_FOLLOWED = frozenset({State.OPEN, State.VERIFYING})


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `recent` and `earlier` split the hour so that a reader can compare them."""

    name: str
    state: str
    environments: tuple[str, ...]
    versions: tuple[str, ...]  # newest traffic last
    red: Red
    recent: Red
    earlier: Red
    steps: tuple[Red, ...]
    span: Span
    tickets: tuple[Ticket, ...] = ()
    judging: tuple[Judgement, ...] = ()

    @property
    def version(self) -> str:
        """The version that took traffic last."""
        return self.versions[-1] if self.versions else ""


def back(now: float, pace: float, hours: float = 1.0) -> Span:
    """Some hours up to now, divided by pace; an hour has steps of a minute, as the store does."""
    length = hours * HOUR / pace
    step = length / STEPS
    return Span(floor_to(now - length, step), now, step)


def services(reader: Reader, recent: Recent, now: float) -> list[Service]:
    """Every service that ever sent requests, or whose processes are watched, by name."""
    span = back(now, reader.pace)
    windows = grouped(recent.windows(span), "service")
    watched = {g.series.label["service"] for g in reader.gauges(CPU_TIME, {}, span.start, now)}
    known = reader.known_services()
    names = sorted({name for (name,) in windows} | watched | known)
    tickets = by_service(t for t in reader.tickets() if t.state in _FOLLOWED)
    waiting = reader.judgements(now - DAY)
    judging = by_service(j for j in waiting if j.state == WAITING)
    return [
        service(
            name,
            windows.get((name,), []),
            span,
            tickets.get(name, ()),
            judging.get(name, ()),
            known=name in known,
        )
        for name in names
    ]


def service(
    name: str,
    windows: Sequence[Window],
    span: Span,
    tickets: Sequence[Ticket] = (),
    judging: Sequence[Judgement] = (),
    *,
    known: bool = False,
) -> Service:
    """One service from its windows of the hour and what is open about it.

    `known` says that it sent requests at some time.
    """
    steps = over_time(windows, span)
    served = steps[next((i for i, step in enumerate(steps) if step.count), 0) :]
    cut = len(served) - max(1, min(round(RECENT / HOUR * STEPS), len(served) // 2))
    return Service(
        name=name,
        state=_state(bool(windows), known, tickets, judging),
        environments=tuple(in_order(w.series.label.get("environment", "") for w in windows)),
        versions=versions(windows),
        red=combined(served),
        recent=combined(served[cut:]),
        earlier=combined(served[:cut]),
        steps=tuple(steps),
        span=span,
        tickets=tuple(tickets),
        judging=tuple(judging),
    )


def versions(windows: Iterable[Window]) -> tuple[str, ...]:
    """Versions in the order in which they last took traffic."""
    last: dict[str, float] = {}
    for window in windows:
        version = window.series.label.get("version", "")
        last[version] = max(last.get(version, 0.0), window.start)
    return tuple(sorted(last, key=lambda v: (last[v], v)))


def by_service(entries: Iterable[About]) -> dict[str, list[About]]:
    """Tickets or judgements by the service that they are about."""
    groups: dict[str, list[About]] = {}
    for entry in entries:
        groups.setdefault(entry.service, []).append(entry)
    return groups


def _state(busy: bool, known: bool, tickets: Sequence[Ticket], judging: Sequence[Judgement]) -> str:
    if tickets:
        return REGRESSED
    if not busy:
        return SILENT if known else QUIET
    return JUDGING if judging else OK
