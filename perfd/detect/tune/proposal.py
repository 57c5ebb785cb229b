"""From what was measured to settings; each with its reason, none without one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfd.detect import measures
from perfd.detect.settings import DetectSettings
from perfd.detect.tune.deploys import Deploys, promised
from perfd.detect.tune.rate import Rate
from perfd.detect.tune.scans import Scans
from perfd.model.ticket import Resolution, State, Ticket

ENOUGH = 50  # judged moments, below which nothing is concluded
OTHERWISE = 0.25  # by which a figure must be above the setting to be worth a line


@dataclass(frozen=True, slots=True)
class Setting:
    """`key` below `detect`, what it is and what it would be, and why."""

    key: str
    now: float
    then: float
    why: str


def proposal(
    settings: DetectSettings,
    deploys: Sequence[Deploys],
    scans: Sequence[Scans],
    tickets: Sequence[Ticket],
) -> list[Setting]:
    """What should be set, most important first; empty where the shipped thresholds hold."""
    found = [
        *_wrong_tickets(settings, deploys),
        *_floor(settings, deploys, scans, tickets),
        *_drift(settings, deploys),
    ]
    return [one for one in found if one.then != one.now]


def _wrong_tickets(settings: DetectSettings, deploys: Sequence[Deploys]) -> Iterator[Setting]:
    """Stricter by as much as the thresholds are wrong more often than they promise."""
    rate = _all(deploys)
    given = promised(settings.wrong_tickets)
    if rate.n < ENOUGH or rate.low <= given:
        return
    then = _rounded(settings.wrong_tickets * given / rate.value, down=True)
    why = (
        f"{rate.k} of {rate.n} moments without a deploy would have opened a ticket "
        f"(at least {rate.low * 100:.2g} %), where {given * 100:.2g} % is promised"
    )
    yield Setting("wrong_tickets", settings.wrong_tickets, then, why)


def _all(deploys: Sequence[Deploys]) -> Rate:
    rates = [one.opened for one in deploys]
    return Rate(sum(rate.k for rate in rates), sum(rate.n for rate in rates))


def _floor(
    settings: DetectSettings,
    deploys: Sequence[Deploys],
    scans: Sequence[Scans],
    tickets: Sequence[Ticket],
) -> Iterator[Setting]:
    """Above what was wrong, as long as nothing that was right lies below it."""
    wrong = [*_closed_wrong(tickets), *_mistaken(deploys)]
    wrong += [size for scan in scans if scan.a_quarter > settings.wrong_tickets
              for _, size in scan.wrong]  # fmt: skip
    wrong = [size for size in wrong if size >= settings.floor]
    right = [_size(t) for t in tickets if t.state is State.VERIFIED and _size(t) > 0.0]
    if not wrong:
        return
    then = _rounded(max(wrong) * 1.05)
    if right and min(right) < then:
        return  # no floor tells them apart
    why = (
        f"{len(wrong)} changes that were wrong (tickets closed as wrong, moments without a deploy, "
        f"copies without a change) were as large as {max(wrong) * 100:.0f} %, and no verified "
        "ticket was smaller"
    )
    yield Setting("floor", settings.floor, then, why)


def _closed_wrong(tickets: Sequence[Ticket]) -> list[float]:
    return [_size(ticket) for ticket in tickets if ticket.resolution is Resolution.WRONG]


def _mistaken(deploys: Sequence[Deploys]) -> list[float]:
    opened = [one.opened for deploy in deploys for one in deploy.judged if one.opened is not None]
    return [
        one.effect.ratio - 1.0
        for one in opened
        if one.metric != measures.ERROR_RATE and one.effect and one.effect.ratio
    ]


def _size(ticket: Ticket) -> float:
    """The relative change of a latency or of CPU; 0 where it is none."""
    ratio = ticket.effect.ratio if ticket.effect else None
    return ratio - 1.0 if ratio and ticket.metric != measures.ERROR_RATE else 0.0


def _drift(settings: DetectSettings, deploys: Sequence[Deploys]) -> Iterator[Setting]:
    """The noisiest service decides: the setting is one for all.

    Only ever upwards: two weeks without drift promise nothing, and what is shipped was tried on
    thousands of deploys.
    """
    known = [one.drift for one in deploys if one.drift is not None]
    if not known or sum(len(one.judged) for one in deploys) < ENOUGH:
        return
    measured = max(known)
    if measured < settings.drift * (1.0 + OTHERWISE):
        return
    why = (
        f"the latency of all operations together moves by {measured * 100:.2g} % (sd) in an hour "
        "without a deploy; shipped is a guess"
    )
    yield Setting("drift", settings.drift, _rounded(measured), why)


def _rounded(value: float, *, down: bool = False) -> float:
    """To two digits, to the careful side."""
    if value <= 0.0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    steps = math.floor(value / unit + 1e-9) if down else math.ceil(value / unit - 1e-9)
    return round(steps * unit, 10)
