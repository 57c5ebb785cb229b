"""The part of a service's page that says what perfd would see of it, and where it is blind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfd.detect import measures
from perfd.model.detectability import BlindSpot, Detectability, Detectable
from perfd.tickets.wording import count, metric_name, share
from perfd.web.links import query

COLUMNS = (measures.LATENCY_MEAN, measures.LATENCY_P95, measures.ERROR_RATE, measures.CPU)
NOTHING = "–"
# What the first line speaks of, if it is known.
_FIRST = (measures.LATENCY_P95, measures.LATENCY_MEAN, measures.CPU, measures.ERROR_RATE)


@dataclass(frozen=True, slots=True)
class OperationLine:
    """One operation: the smallest change of each metric of COLUMNS, and at a deploy, of any.

    What it does not have is empty.
    """

    operation: str
    environment: str
    requests: str
    smallest: tuple[str, ...]
    deploy: str


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One series in full."""

    operation: str
    metric: str
    smallest: str
    recalls: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A blind spot."""

    where: str
    reason: str
    help: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What the page shows; `at` is None before anything was measured."""

    sentence: str
    at: float | None
    operations: tuple[OperationLine, ...]
    series: tuple[SeriesLine, ...]
    blind: tuple[Spot, ...]
    mistakes: str
    json_href: str


def sight(service: str, found: Detectability | None) -> Sight:
    """Of one service."""
    href = query("/api/v1/detectability", service=service)
    if found is None:
        return Sight(_yet(), None, (), (), (), "", href)
    rows = sorted(found.rows, key=lambda row: (-row.requests, row.operation, row.metric))
    return Sight(
        sentence=_sentence(rows),
        at=found.at,
        operations=tuple(_operations(rows)),
        series=tuple(_series(row) for row in rows if not row.reason),
        blind=tuple(_spot(spot) for spot in found.blind),
        mistakes=_mistakes(found),
        json_href=href,
    )


def _yet() -> str:
    return "Not tried yet: perfd tries once a day, on copies of the service's own hours."


def _sentence(rows: Sequence[Detectable]) -> str:
    """The operation with most requests of which something can be seen."""
    for metric in _FIRST:
        for row in rows:
            if row.metric == metric and row.smallest is not None:
                return f"{_change(row)} would be seen within a day; below that perfd is blind."
    return "No change would be seen within a day yet; why is said below."


def _change(row: Detectable) -> str:
    """`A 12 % slower p95 of POST /quote`."""
    of = row.operation or "the service"
    if row.metric == measures.ERROR_RATE:
        return f"Errors of {_size(row)} more of all requests to {of}"
    word = "higher" if row.metric == measures.CPU else "slower"
    return f"A {_size(row)} {word} {metric_name(row.metric)} of {of}"


def _operations(rows: Sequence[Detectable]) -> Iterable[OperationLine]:
    places = dict.fromkeys((row.operation, row.environment) for row in rows)
    for operation, environment in places:
        own = {
            row.metric: row
            for row in rows
            if (row.operation, row.environment) == (operation, environment)
        }
        least = [row.deploy for m, row in own.items() if m != measures.ERROR_RATE and row.deploy]
        yield OperationLine(
            operation or "all",
            environment,
            count(max(row.requests for row in own.values())),
            tuple(_size(own[metric]) if metric in own else "" for metric in COLUMNS),
            share(min(least)) if least else NOTHING,
        )


def _series(row: Detectable) -> SeriesLine:
    recalls = ", ".join(f"{share(r.size)}: {r.caught} of {r.of}" for r in row.recalls)
    wrong = f"{row.wrong} in {row.weeks:g} weeks"
    return SeriesLine(row.operation or "all", metric_name(row.metric), _size(row), recalls, wrong)


def _size(row: Detectable) -> str:
    if row.smallest is None:
        return NOTHING if row.reason else "blind"
    return share(row.smallest)


def _spot(spot: BlindSpot) -> Spot:
    names = ", ".join(metric_name(metric) for metric in spot.metrics)
    where = " of ".join(part for part in (names, spot.operation) if part)
    return Spot(where or "deploys", spot.reason, spot.help)


def _mistakes(found: Detectability) -> str:
    """How often something was found in copies in which nothing changed."""
    weeks = sum(row.weeks for row in found.rows)
    wrong = sum(row.wrong for row in found.rows)
    changes = "one was" if wrong == 1 else f"{count(wrong) if wrong else 'none'} were"
    told = f"In {count(weeks)} weeks of copies without a change, {changes} found."
    if found.waiting:
        told += f" {count(found.waiting)} more series are tried in the next hours."
    return told
