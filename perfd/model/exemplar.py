"""Requests worth showing: the slowest, the failed, and a fair sample, each with its local trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SLOWEST = "slowest"
ERROR = "error"
RANDOM = "random"
KEEP = {SLOWEST: 2, ERROR: 2, RANDOM: 4}


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span of an exemplar's trace. Ids in hexadecimal; `start` is seconds since the epoch."""

    span_id: str
    parent_id: str
    service: str
    name: str
    kind: str
    start: float
    duration: float
    error: bool = False
    detail: str = ""  # the query's summary, the route or the peer: never a raw query or URL


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A request and what is known of its trace.

    `priority` is the rank among its kind: the greatest stay.
    """

    reason: str
    priority: float
    trace_id: str
    span_id: str
    start: float
    duration: float
    error: bool = False
    spans: tuple[SpanRecord, ...] = ()


def keep_best(exemplars: Iterable[Exemplar]) -> tuple[Exemplar, ...]:
    """The few of each reason with the greatest priority.

    Merging is taking the best of the union, so it does not matter how windows were split. The
    priority of a random exemplar is a random number, which makes the best few a uniform sample.
    Of the same request the one whose trace is known best stays: spans arrive after the exemplar.
    """
    ranked = sorted(_fullest(exemplars), key=lambda e: (-e.priority, e.trace_id, e.span_id))
    kept: list[Exemplar] = []
    for reason, most in KEEP.items():
        kept += [e for e in ranked if e.reason == reason][:most]
    return tuple(kept)


def _fullest(exemplars: Iterable[Exemplar]) -> Iterable[Exemplar]:
    """One exemplar for each reason and request, by an order that is total, so that merging is."""
    best: dict[tuple[str, str, str], Exemplar] = {}
    for exemplar in exemplars:
        key = (exemplar.reason, exemplar.trace_id, exemplar.span_id)
        held = best.get(key)
        if held is None or _better(exemplar, held):
            best[key] = exemplar
    return best.values()


def _better(one: Exemplar, other: Exemplar) -> bool:
    mine, theirs = (one.priority, len(one.spans)), (other.priority, len(other.spans))
    return mine > theirs or (mine == theirs and repr(one) > repr(other))
