"""What perfd would see of each service, and what not."""

from __future__ import annotations

from typing import Annotated

import msgspec

from perfd.model.detectability import BlindSpot, Detectability, Detectable
from perfd.model.times import to_rfc3339
from perfd.web.context import Context, off_loop
from perfd.web.endpoint import Endpoint
from perfd.web.schemas import Record

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class RecallRecord(Record, frozen=True):
    """Of `of` steps of this size that were put into copies, `caught` were seen within a day."""

    size: float
    caught: int
    of: int


class DetectableRecord(Record, frozen=True):
    """One metric of one operation; sizes are parts of the value, of an error rate added shares.

    `smallest` is the smallest step of which nine in ten were seen within a day and confirmed after
    it, null where not even the greatest was or nothing could be measured (`reason` says why).
    `wrong` findings came up in `weeks` of unchanged copies. `deploy` is the smallest change that
    the judging of a deploy finds nine times in ten, null where there is too little traffic.
    `obstacle` is what stood in the way of the greatest step, where it was not caught.
    """

    environment: str
    operation: str
    metric: str
    unit: str
    measured_at: Time
    requests_per_day: float
    smallest: float | None
    recall: list[RecallRecord]
    wrong: int
    weeks: float
    deploy: float | None
    reason: str
    obstacle: str


class BlindSpotRecord(Record, frozen=True):
    """What would not be seen and what would help; no `metrics` are all of them."""

    environment: str
    operation: str
    metrics: list[str]
    reason: str
    help: str


class DetectabilityRecord(Record, frozen=True):
    """Of one service; `waiting` series are measured in the hours to come."""

    service: str
    at: Time
    series: list[DetectableRecord]
    blind: list[BlindSpotRecord]
    waiting: int


class DetectabilityList(Record, frozen=True):
    """Services by name."""

    detectability: list[DetectabilityRecord]
    cursor: str | None = None


class DetectabilityQuery(msgspec.Struct, frozen=True, kw_only=True):
    """All services, or one."""

    service: str | None = None


async def list_detectability(
    context: Context, query: DetectabilityQuery, _: None
) -> DetectabilityList:
    """What was measured last."""
    found = await off_loop(context.reader.detectability, query.service)
    return DetectabilityList(detectability=[record(one) for one in found])


def record(found: Detectability) -> DetectabilityRecord:
    """A service as the API shows it."""
    return DetectabilityRecord(
        service=found.service,
        at=to_rfc3339(found.at),
        series=[_series(row) for row in found.rows],
        blind=[_blind(spot) for spot in found.blind],
        waiting=found.waiting,
    )


def _series(row: Detectable) -> DetectableRecord:
    return DetectableRecord(
        environment=row.environment,
        operation=row.operation,
        metric=row.metric,
        unit=row.unit,
        measured_at=to_rfc3339(row.at),
        requests_per_day=row.requests,
        smallest=row.smallest,
        recall=[RecallRecord(size=r.size, caught=r.caught, of=r.of) for r in row.recalls],
        wrong=row.wrong,
        weeks=row.weeks,
        deploy=row.deploy,
        reason=row.reason,
        obstacle=row.obstacle,
    )


def _blind(spot: BlindSpot) -> BlindSpotRecord:
    return BlindSpotRecord(
        environment=spot.environment,
        operation=spot.operation,
        metrics=list(spot.metrics),
        reason=spot.reason,
        help=spot.help,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/detectability",
        "How small a change of each operation would be seen, and what is blind",
        list_detectability,
        DetectabilityList,
        DetectabilityQuery,
    ),
)
