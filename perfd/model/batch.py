"""What passes from aggregation to the store, and the store's documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfd.model.profile import ProfileWindow, Symbols
from perfd.model.window import Gauge, Window


@dataclass(frozen=True, slots=True)
class Batch:
    """Increments since the last batch, and how far into the request log they reach.

    The store adds each increment to the writer's own partial of its minute and records
    `log_position` in the same transaction, so that an acknowledged item is counted exactly once.
    """

    windows: tuple[Window, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    profiles: tuple[ProfileWindow, ...] = ()
    symbols: Symbols = field(default_factory=Symbols)
    log_position: int | None = None
    items: Mapping[str, int] = field(default_factory=dict)  # accepted items in it, by signal

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.windows or self.gauges or self.profiles) and self.log_position is None


@dataclass(frozen=True, slots=True)
class Document:
    """Mutable state with a deterministic id; the newest revision wins.

    `revision = epoch << 32 | counter`.

    `at` orders documents of a kind and bounds their retention (seconds, UTC).
    """

    kind: str
    id: str
    revision: int
    at: float
    body: bytes


# Kinds of documents.
TICKET = "ticket"
FINDING = "finding"
EVIDENCE = "evidence"
DEPLOY = "deploy"
OUTBOX = "outbox"
JUDGEMENT = "judgement"
AGENT = "agent"
BUDGET = "budget"
DETECTABILITY = "detectability"
SCAN = "scan"  # what the scan of a service remembers between two evaluations
