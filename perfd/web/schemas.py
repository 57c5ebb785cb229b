"""The API's own records: services. Tickets, findings and deploys are in `ticket_schemas.py`.

Times are RFC 3339 UTC, durations real seconds, latencies seconds, intervals 95 %.
"""

from __future__ import annotations

from typing import Annotated

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what the API returns."""


class ErrorDetail(Record, frozen=True):
    """What went wrong: a code for programs, a sentence for people."""

    code: str
    message: str


class ErrorDocument(Record, frozen=True):
    """Every answer that is not 2xx."""

    error: ErrorDetail


class Latency(Record, frozen=True):
    """Quantiles of steady requests in seconds; null where nothing was measured."""

    p50: float | None
    p95: float | None


class RedRecord(Record, frozen=True):
    """Rate, errors and duration over `seconds`."""

    seconds: float
    requests: int
    requests_per_second: float
    errors: int
    error_ratio: float | None
    latency: Latency


class OperationRecord(Record, frozen=True):
    """One operation of a service."""

    operation: str
    environment: str
    red: RedRecord


class ServiceRecord(Record, frozen=True):
    """One service over the last hour (divided by pace).

    `state`: regressed (a ticket is open), judging (a deploy is being judged), ok, silent (no
    requests in the hour, but some before) or quiet (never any).
    `versions` in the order in which they last took traffic; `version` is the last.
    """

    service: str
    state: str
    environments: list[str]
    version: str
    versions: list[str]
    red: RedRecord
    tickets: list[str]
    url: str


class StepRecord(Record, frozen=True):
    """One step of a service's course, from `at` on; null where nothing was measured."""

    at: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
    red: RedRecord


class BudgetRecord(Record, frozen=True):
    """The false-alarm budget of a service, in expected wrong tickets.

    `allowed` in any quarter, `spent` in the last one (`wrong` of it by tickets that were closed as
    wrong), `next_deploy` what the next deploy may spend.
    """

    allowed: float
    spent: float
    wrong: float
    next_deploy: float


class ServiceDetail(ServiceRecord, frozen=True):
    """A service with its operations and its course over `hours` (divided by pace).

    `budget` is null before the first deploy was tested.
    """

    budget: BudgetRecord | None
    operations: list[OperationRecord]
    course: list[StepRecord]


class ServiceList(Record, frozen=True):
    """All services."""

    services: list[ServiceRecord]
    cursor: str | None = None
