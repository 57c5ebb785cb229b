"""The first line of the overview: one sentence, and the facts behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from perfd.model.finding import Estimate
from perfd.model.ticket import Ticket
from perfd.tickets.wording import before_after, signed
from perfd.web.services import JUDGING, QUIET, REGRESSED, SILENT, Service
from perfd.web.views.words import ago_words, counted, fix_words, got_worse, judgement_words, listed

# Fewer requests on either side than a verdict needs (DESIGN section 5) say nothing.
ENOUGH = 300
# Under this a p95 of ten minutes moves by itself.
MOVED = 1.10

WORSE, FINE, UNSURE = "worse", "fine", "unsure"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tone` worse, fine or unsure: a word beside it always says the same."""

    sentence: str
    tone: str
    facts: tuple[str, ...] = ()
    tickets: tuple[Ticket, ...] = ()


def verdict(services: Sequence[Service]) -> Verdict:
    """Tickets first; without any, how the last ten minutes compare with the hour before them."""
    busy = [service for service in services if service.state not in {QUIET, SILENT}]
    silent = [service for service in services if service.state == SILENT]
    regressed = [service for service in busy if service.state == REGRESSED]
    if not busy:
        return _nobody(silent)
    said = _regressed(regressed, busy) if regressed else _compared(busy)
    return replace(said, facts=(*said.facts, *_silence(silent)))


def ratio(service: Service) -> float | None:
    """The p95 of the last ten minutes over that of the rest of the hour; None with too few."""
    before, after = service.earlier.quantile(0.95), service.recent.quantile(0.95)
    enough = min(service.earlier.histogram.count, service.recent.histogram.count) >= ENOUGH
    return after / before if enough and before and after else None


def _nobody(silent: Sequence[Service]) -> Verdict:
    """Before the first span, and when all that ever sent one have stopped."""
    nothing = "No service sends telemetry yet; perfd watches this machine and itself."
    return Verdict("".join(_silence(silent)) or nothing, UNSURE)


def _silence(silent: Sequence[Service]) -> tuple[str, ...]:
    """Services that sent requests once, and none in the hour."""
    if not silent:
        return ()
    names = listed([service.name for service in silent])
    return (f"No telemetry for {ago_words(silent[0].span)} from {names}.",)


def _regressed(regressed: Sequence[Service], busy: Sequence[Service]) -> Verdict:
    tickets = [ticket for service in regressed for ticket in service.tickets]
    if len(regressed) == 1:
        fix = fix_words(tickets[0])
        sentence = got_worse(tickets[0]) + (f"; {fix}" if fix else "")
    else:
        names = listed([service.name for service in regressed])
        sentence = f"{len(regressed)} of {counted(len(busy), 'service')} got worse: {names}"
    rest = [service for service in busy if service not in regressed]
    facts = (f"No ticket about {listed([s.name for s in rest])}.",) if rest else ()
    return Verdict(f"{sentence}.", WORSE, facts, tuple(tickets))


def _compared(busy: Sequence[Service]) -> Verdict:
    ratios = {service.name: ratio(service) for service in busy}
    known = {name: value for name, value in ratios.items() if value is not None}
    slower = [service for service in busy if known.get(service.name, 0.0) > MOVED]
    facts = [*_judging(busy), *_unknown([s for s in busy if s.name not in known])]
    if slower:
        names = listed([service.name for service in slower])
        facts[:0] = [_shift(service) for service in slower]
        facts.append("No deploy or scan confirmed it, so there is no ticket.")
        verb = "is" if len(slower) == 1 else "are"
        return Verdict(
            f"{names} {verb} slower than a while ago; not confirmed.", UNSURE, tuple(facts)
        )
    if not known:
        sentence = f"{counted(len(busy), 'service')} seen; too few requests yet to compare them."
        return Verdict(sentence, UNSURE, tuple(facts))
    return Verdict(_steady(len(known), len(busy), busy[0]), FINE, (_most(known), *facts))


def _steady(known: int, all_: int, service: Service) -> str:
    ago = ago_words(service.span)
    who = f"All {all_} services are" if known == all_ else f"{known} of {all_} services are"
    return f"{'The one service is' if all_ == 1 else who} as fast as {ago} ago."


def _most(known: dict[str, float]) -> str:
    name, most = max(known.items(), key=lambda item: abs(item[1] - 1))
    return f"The largest change of a p95 is {signed((most - 1) * 100)} % ({name})."


def _shift(service: Service) -> str:
    sides = [
        Estimate(red.quantile(0.95) or 0.0, (0.0, 0.0), red.histogram.count, 0.0, 0.0, "")
        for red in (service.earlier, service.recent)
    ]
    return f"{service.name}: p95 {before_after(sides[0], sides[1], 's')}."


def _judging(busy: Sequence[Service]) -> list[str]:
    return [
        f"{service.name} {judgement.version}: {judgement_words(judgement)}."
        for service in busy
        if service.state == JUDGING
        for judgement in service.judging
    ]


def _unknown(services: Sequence[Service]) -> list[str]:
    if not services:
        return []
    names = listed([service.name for service in services])
    return [f"Too few requests to compare: {names} ({ENOUGH} on each side are needed)."]
