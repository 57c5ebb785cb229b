"""Services: how they are now."""

from __future__ import annotations

from typing import Annotated

import msgspec

from perfd.detect.budget import WRONG, share, total
from perfd.errors import NotFound
from perfd.model.budget import Budget
from perfd.model.times import to_rfc3339
from perfd.web.context import Context, off_loop
from perfd.web.endpoint import Endpoint, Nothing
from perfd.web.links import service_path
from perfd.web.red import Red, covered, grouped, over_time, summarise
from perfd.web.schemas import (
    BudgetRecord,
    Latency,
    OperationRecord,
    RedRecord,
    ServiceDetail,
    ServiceList,
    ServiceRecord,
    StepRecord,
)
from perfd.web.services import Service, back, services


class ServiceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One service, over so many hours (divided by pace)."""

    service: str
    hours: Annotated[float, msgspec.Meta(gt=0, le=168)] = 1.0


async def list_services(context: Context, _: Nothing, __: None) -> ServiceList:
    """All services."""
    found = await off_loop(services, context.reader, context.recent, context.clock.now())
    return ServiceList(services=[record(s, context.base_url) for s in found])


async def show_service(context: Context, query: ServiceQuery, _: None) -> ServiceDetail:
    """One service with its operations."""
    return await off_loop(_detail, context, query.service, query.hours)


def record(service: Service, base_url: str) -> ServiceRecord:
    """A service as the API shows it."""
    return ServiceRecord(
        service=service.name,
        state=service.state,
        environments=list(service.environments),
        version=service.version,
        versions=list(service.versions),
        red=red_record(service.red),
        tickets=[ticket.id for ticket in service.tickets],
        url=base_url + service_path(service.name),
    )


def red_record(red: Red) -> RedRecord:
    """Figures as the API shows them."""
    return RedRecord(
        seconds=red.seconds,
        requests=red.count,
        requests_per_second=red.rate,
        errors=red.errors,
        error_ratio=red.error_ratio,
        latency=Latency(p50=red.quantile(0.5), p95=red.quantile(0.95)),
    )


def budget_record(budget: Budget | None) -> BudgetRecord | None:
    """A false-alarm budget as the API shows it."""
    if budget is None:
        return None
    return BudgetRecord(
        allowed=budget.allowed,
        spent=total(budget),
        wrong=total(budget, WRONG),
        next_deploy=share(budget, "").alpha,
    )


def _detail(context: Context, name: str, hours: float) -> ServiceDetail:
    now = context.clock.now()
    found = next((s for s in services(context.reader, context.recent, now) if s.name == name), None)
    if found is None:
        raise NotFound(f"perfd has seen no service named {name!r} in the last hour.")
    span = back(now, context.pace, hours)
    step = span.step if hours > 1 else None
    windows = context.reader.requests({"service": name}, span.start, span.end, step)
    seconds = covered(windows, span)
    operations = [
        OperationRecord(
            operation=operation,
            environment=environment,
            red=red_record(summarise(group, seconds)),
        )
        for (environment, operation), group in sorted(
            grouped(windows, "environment", "operation").items()
        )
    ]
    known = msgspec.structs.asdict(record(found, context.base_url))
    course = [
        StepRecord(at=to_rfc3339(span.start + place * span.step), red=red_record(red))
        for place, red in enumerate(over_time(windows, span))
    ]
    budget = budget_record(context.reader.budget(name, now))
    return ServiceDetail(**known, budget=budget, operations=operations, course=course)


ENDPOINTS = (
    Endpoint(
        "GET", "/api/v1/services", "Services and how they are now", list_services, ServiceList
    ),
    Endpoint(
        "GET",
        "/api/v1/services/{service}",
        "One service with its operations",
        show_service,
        ServiceDetail,
        ServiceQuery,
    ),
)
