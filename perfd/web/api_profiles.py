"""Profiles of two stretches of time or two versions, compared."""

from __future__ import annotations

from typing import Annotated

import msgspec

from perfd.errors import BadInput
from perfd.model.evidence import Change
from perfd.model.profile import CPU_PROFILE
from perfd.model.times import from_rfc3339, to_rfc3339
from perfd.web.api_tickets import Name
from perfd.web.context import Context, off_loop
from perfd.web.endpoint import Endpoint
from perfd.web.profile_diff import Comparison, FunctionChange, Stretch, compare
from perfd.web.schemas import Record
from perfd.web.ticket_schemas import ChangeRecord, Samples, Time

_LONGEST = 31 * 86_400.0  # seconds of one side
FromTo = Annotated[str, msgspec.Meta(examples=["2026-05-01T13:00:00Z/2026-05-01T14:00:00Z"])]


class DiffQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Two sides: FROM/TO in RFC 3339, each of one version or of all."""

    service: Name
    before: FromTo
    after: FromTo
    type: str = CPU_PROFILE
    before_version: str | None = None
    after_version: str | None = None


class SideRecord(Record, frozen=True):
    """One side: what it holds, and its cost in `unit` per `per` of the comparison."""

    from_: Time = msgspec.field(name="from")
    to: Time
    version: str | None
    samples: int
    profiled_seconds: float
    cost: float


class FunctionRecord(Record, frozen=True):
    """A function on both sides: shares of all samples, and the cost of self time."""

    function: str
    file: str
    line: int
    self_: ChangeRecord = msgspec.field(name="self")
    total: ChangeRecord
    cost: ChangeRecord
    samples: Samples


class NodeRecord(Record, frozen=True):
    """A node of the call tree; `parent` is a place in the list, -1 for the root. Self costs."""

    parent: int
    function: str
    file: str
    before: float
    after: float
    significant: bool


class ProfileDiffRecord(Record, frozen=True):
    """Functions by the change of their cost, and the tree. `per` is request or second."""

    service: str
    type: str
    unit: str
    per: str
    before: SideRecord
    after: SideRecord
    functions: list[FunctionRecord]
    nodes: list[NodeRecord]


async def diff(context: Context, query: DiffQuery, _: None) -> ProfileDiffRecord:
    """What changed between two stretches."""
    before = stretch("before", query.before, query.before_version)
    after = stretch("after", query.after, query.after_version)
    found = await off_loop(compare, context.store, query.service, query.type, before, after)
    return _record(query, found, before, after)


def stretch(name: str, text: str, version: str | None) -> Stretch:
    """FROM/TO as a stretch of time; BadInput in words otherwise."""
    try:
        start, end = (from_rfc3339(part) for part in text.split("/"))
    except (ValueError, OverflowError):
        words = "not FROM/TO in RFC 3339, e.g. 2026-05-01T13:00:00Z/2026-05-01T14:00:00Z"
        raise BadInput(f"{name}: {words}.") from None
    if not 0 < end - start <= _LONGEST:
        raise BadInput(f"{name}: it must end after it begins, and span at most 31 days.")
    return Stretch(start, end, version)


def _record(
    query: DiffQuery, found: Comparison, before: Stretch, after: Stretch
) -> ProfileDiffRecord:
    return ProfileDiffRecord(
        service=query.service,
        type=query.type,
        unit=found.unit,
        per=found.per,
        before=_side(found, before, 0),
        after=_side(found, after, 1),
        functions=[_function(change) for change in found.functions],
        nodes=[
            NodeRecord(
                parent=node.parent,
                function=node.function,
                file=node.file,
                before=node.before,
                after=node.after,
                significant=node.significant,
            )
            for node in found.nodes
        ],
    )


def _side(found: Comparison, asked: Stretch, place: int) -> SideRecord:
    side = (found.before, found.after)[place]
    return SideRecord(
        from_=to_rfc3339(asked.start),
        to=to_rfc3339(asked.end),
        version=asked.version,
        samples=side.hits,
        profiled_seconds=side.seconds,
        cost=found.costs[place],
    )


def _function(change: FunctionChange) -> FunctionRecord:
    return FunctionRecord(
        function=change.function.name,
        file=change.function.file,
        line=change.function.line,
        self_=_change(change.own),
        total=_change(change.total),
        cost=_change(change.cost),
        samples=Samples(before=change.samples[0], after=change.samples[1]),
    )


def _change(change: Change) -> ChangeRecord:
    return ChangeRecord(before=change.before, after=change.after, delta=change.delta, ci=change.ci)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/profiles/diff",
        "Profiles of two stretches of time or two versions, compared",
        diff,
        ProfileDiffRecord,
        DiffQuery,
    ),
)
