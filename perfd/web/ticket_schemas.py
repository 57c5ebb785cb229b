"""What tickets, findings and deploys look like in JSON, for openapi.json.

`perfd.tickets.document` writes them; a test holds the two together.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from perfd.web.schemas import Record

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
Interval = tuple[float | None, float | None]
TimeInterval = tuple[Time | None, Time | None]


class EstimateRecord(Record, frozen=True):
    """One side of a comparison."""

    value: float | None
    ci: Interval
    count: int
    from_: Time = msgspec.field(name="from")
    to: Time
    version: str


class EffectRecord(Record, frozen=True):
    """After against before; `ratio` is null when before is 0. The interval is the ratio's."""

    ratio: float | None
    ci: Interval | None
    absolute: float | None


class When(Record, frozen=True):
    """When something changed."""

    at: Time
    ci: TimeInterval


class SuspectRecord(Record, frozen=True):
    """What probably caused the change."""

    kind: str
    probability: float
    version: str = ""
    previous: str = ""
    commit: str = ""
    url: str = ""


class ChangeRecord(Record, frozen=True):
    """A quantity before and after; the interval belongs to the delta."""

    before: float | None
    after: float | None
    delta: float | None
    ci: Interval


class PerRequest(ChangeRecord, frozen=True):
    """CPU seconds of self time per request."""

    unit: str


class Samples(Record, frozen=True):
    """Profile samples that hold a function."""

    before: int
    after: int


class HotspotRecord(Record, frozen=True):
    """A function whose cost moved; `self` and `total` are shares of all samples."""

    function: str
    file: str
    line: int
    profile: str
    status: str
    application: bool
    unit: str
    self_: ChangeRecord = msgspec.field(name="self")
    total: ChangeRecord
    per_request: PerRequest
    samples: Samples


class ExemplarRecord(Record, frozen=True):
    """A request to look up in a trace store; `side` is before or after."""

    trace_id: str
    span_id: str
    duration: float | None
    side: str


class CheckRecord(Record, frozen=True):
    """One filter: what it looked at and what it said."""

    what: str
    passed: bool
    verdict: str
    inputs: dict[str, float | str | None]


class StepRecord(Record, frozen=True):
    """One step of the plan and the name that it is about."""

    what: str
    subject: str


class Rollback(Record, frozen=True):
    """The version to go back to."""

    version: str


class PlanRecord(Record, frozen=True):
    """What to do next."""

    steps: list[StepRecord]
    rollback: Rollback | None


class CallerRecord(Record, frozen=True):
    """A caller that waits longer: seconds for each of its requests, and for all in an hour."""

    service: str
    operation: str
    seconds: float
    seconds_per_hour: float


class RuleRecord(Record, frozen=True):
    """The rule that a fix is judged by, fixed when the ticket opened."""

    metric: str
    unit: str
    low: float | None
    high: float | None
    min_seconds: float
    min_count: int
    guard: float
    text: str
    status_class: str = ""  # of the requests whose latency is meant; all when left out


class VerificationRecord(Record, frozen=True):
    """How the fix is judged, and what was found: VERIFIED, PARTIAL, FAILED or INCONCLUSIVE."""

    verdict: str | None
    text: str
    version: str
    claimed: bool
    since: Time | None
    deadline: Time | None
    at: Time | None
    after: EstimateRecord | None
    rule: RuleRecord | None


class ReferenceRecord(Record, frozen=True):
    """Where a tracker mirrors the ticket."""

    tracker: str
    url: str


class EntryRecord(Record, frozen=True):
    """One line of a ticket's history."""

    at: Time
    event: str
    state: str
    text: str
    actor: str


class TicketRecord(Record, frozen=True):
    """A ticket, schema perfd.ticket/v1."""

    schema: str
    id: str
    fingerprint: str
    state: str
    kind: str
    trigger: str
    provisional: bool
    service: str
    environment: str
    operation: str
    metric: str
    unit: str
    before: EstimateRecord | None
    after: EstimateRecord | None
    effect: EffectRecord | None
    change: When
    suspects: list[SuspectRecord]
    hotspots: list[HotspotRecord]
    exemplars: list[ExemplarRecord]
    ruled_out: list[CheckRecord]
    impact: dict[str, float | str | list[CallerRecord] | None]
    plan: PlanRecord
    verification: VerificationRecord
    resolution: str | None
    acknowledged_at: Time | None
    muted_until: Time | None
    references: list[ReferenceRecord]
    findings: list[str]
    occurrence: int
    url: str
    opened_at: Time
    last_seen: Time
    history: list[EntryRecord]


class TicketList(Record, frozen=True):
    """Tickets, newest first."""

    tickets: list[TicketRecord]
    cursor: str | None


class SeriesRecord(Record, frozen=True):
    """A name and its labels."""

    name: str
    labels: dict[str, str]


class FindingRecord(Record, frozen=True):
    """What a detector said; `reason` tells why it was not opened."""

    id: str
    kind: str
    trigger: str
    status: str
    provisional: bool
    opened: bool
    reason: str
    series: SeriesRecord
    service: str
    environment: str
    operation: str
    metric: str
    unit: str
    before: EstimateRecord | None
    after: EstimateRecord | None
    effect: EffectRecord | None
    p: float | None
    change: When
    found_at: Time
    version: str
    previous: str
    checks: list[CheckRecord]


class FindingList(Record, frozen=True):
    """Findings, newest first."""

    findings: list[FindingRecord]
    cursor: str | None


class DeployRecord(Record, frozen=True):
    """A version of a service taking traffic: `source` says how it was seen.

    That is traffic, announced, restart, image or withdrawn (the version stayed, a newer one went).
    """

    id: str
    service: str
    environment: str
    version: str
    previous: str
    at: Time
    source: str
    commit: str
    url: str
    message: str
    claims: list[str]


class DeployList(Record, frozen=True):
    """Deploys, newest first."""

    deploys: list[DeployRecord]
    cursor: str | None
