"""What perfd would see of a service, and what not: measured on copies of its own recent hours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recall:
    """Of `of` injected steps of one `size`, `caught` were confirmed within a day."""

    size: float
    caught: int
    of: int


@dataclass(frozen=True, slots=True)
class Detectable:
    """One metric of one operation; sizes are parts of the value, of an error rate added shares.

    `smallest` is the smallest step of which nine in ten were caught within a day; None where not
    even the greatest was, or nothing was measured (`reason` says why). `wrong` steps were found in
    `weeks` of unchanged copies. `deploy` is the smallest change that the judging of a deploy would
    have found, None where it could not be said. `requests` are those of a day.
    """

    environment: str
    operation: str
    metric: str
    unit: str
    at: float
    requests: float = 0.0
    smallest: float | None = None
    recalls: tuple[Recall, ...] = ()
    wrong: int = 0
    weeks: float = 0.0
    deploy: float | None = None
    reason: str = ""
    obstacle: str = ""  # of the scan's filters, what stood in the way of the greatest


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """What would not be seen, why, and what would help.

    `operation` is empty where it is the whole service, `metrics` where it is all of them.
    """

    environment: str
    operation: str
    metrics: tuple[str, ...]
    reason: str
    help: str


@dataclass(frozen=True, slots=True)
class Detectability:
    """Of a service, as of `at`. `waiting` series are measured another night."""

    service: str
    at: float
    rows: tuple[Detectable, ...] = ()
    blind: tuple[BlindSpot, ...] = ()
    waiting: int = 0
