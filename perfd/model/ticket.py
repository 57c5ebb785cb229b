"""Tickets: what perfd follows.

The JSON of DESIGN section 9 is made of these fields by `tickets/document.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from perfd.model.evidence import Hotspot, Rule
from perfd.model.finding import Check, Effect, Estimate, Interval


class State(StrEnum):
    """The machine of DESIGN section 5."""

    PENDING = "pending"
    OPEN = "open"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    CLOSED = "closed"
    MUTED = "muted"
    DROPPED = "dropped"


ACTIVE = frozenset({State.PENDING, State.OPEN, State.VERIFYING, State.MUTED})


class Resolution(StrEnum):
    """Why a closed ticket is closed."""

    WONT_FIX = "wont_fix"
    WRONG = "wrong"
    DUPLICATE = "duplicate"
    WENT_AWAY = "went_away"
    SUPERSEDED = "superseded"


class Verdict(StrEnum):
    """What the verification rule says of a deploy after the ticket."""

    VERIFIED = "VERIFIED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Suspect:
    """What probably caused the change."""

    kind: str
    version: str
    previous: str
    probability: float
    commit: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ExemplarRef:
    """A request on one side, to be looked up in a trace store."""

    trace_id: str
    span_id: str
    duration: float
    side: str


@dataclass(frozen=True, slots=True)
class Verification:
    """How the fix is judged (`rule`, fixed when the ticket opens), and what was found.

    `promised` is the version named as the fix before its deploy ("" means the next one); `claimed`
    says whether `version`, which is being judged, claims to be the fix.
    """

    rule: Rule | None = None
    verdict: Verdict | None = None
    text: str = ""
    version: str = ""
    since: float | None = None
    deadline: float | None = None
    claimed: bool = False
    promised: str | None = None
    after: Estimate | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a ticket's history."""

    at: float
    event: str
    state: State
    text: str
    actor: str = "perfd"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a tracker mirrors the ticket."""

    tracker: str
    url: str


@dataclass(frozen=True, slots=True)
class CallerImpact:
    """An operation of another service that waits `seconds` longer in each of its requests."""

    service: str
    operation: str
    seconds: float
    seconds_per_hour: float


@dataclass(frozen=True, slots=True)
class Impact:
    """What the change costs, as far as it was measured; None where it was not.

    `share` is the operation's share of the service's requests, `seconds_per_hour` the time added to
    requests, `cpu_seconds_per_hour` the processor time (3600 of it are one core).
    """

    requests_per_hour: float
    share: float | None = None
    seconds_per_hour: float | None = None
    cpu_seconds_per_hour: float | None = None
    callers: tuple[CallerImpact, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """What perfd follows until it is verified or closed. Times in seconds UTC."""

    id: str
    fingerprint: str
    state: State
    kind: str
    trigger: str
    provisional: bool
    service: str
    environment: str
    operation: str
    metric: str
    unit: str
    before: Estimate | None
    after: Estimate | None
    effect: Effect | None
    change_at: float
    change_ci: Interval
    suspects: tuple[Suspect, ...]
    hotspots: tuple[Hotspot, ...]
    exemplars: tuple[ExemplarRef, ...]
    ruled_out: tuple[Check, ...]
    opened_at: float
    last_seen: float
    verification: Verification = Verification()
    resolution: Resolution | None = None
    acknowledged_at: float | None = None
    muted_until: float | None = None
    muted_from: State | None = None
    references: tuple[Reference, ...] = ()
    finding_ids: tuple[str, ...] = ()
    history: tuple[Entry, ...] = ()
    occurrence: int = 1  # a relapse keeps the ticket and counts up
    absent_since: float | None = None  # when a detector first no longer found it
    impact: Impact | None = None

    @property
    def active(self) -> bool:
        """Whether perfd still follows it."""
        return self.state in ACTIVE
