"""Spans by the stable semantic conventions: requests served, requests made, queries run."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiohttp import web
from opentelemetry import metrics, trace
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import Span, SpanKind, StatusCode
from yarl import URL

# Routes for whoever operates the shop, such as /-/truth, are no traffic of the shop.
OPERATIONAL = "/-/"

# The boundaries that the conventions advise for this metric.
SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

# Without a provider configured both are proxies that do nothing.
_tracer = trace.get_tracer("shop")
_duration = metrics.get_meter("shop").create_histogram(
    "http.server.request.duration", unit="s", explicit_bucket_boundaries_advisory=SECONDS
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A SERVER span and a duration for each request that customers or services make."""
    if request.path.startswith(OPERATIONAL):
        return await handler(request)
    begun = time.perf_counter()
    attributes: dict[str, str | int] = {
        "http.request.method": request.method,
        "http.route": _route(request),
        "url.scheme": request.scheme,
    }
    with _tracer.start_as_current_span(
        f"{request.method} {_route(request)}",
        context=extract(request.headers),
        kind=SpanKind.SERVER,
        attributes=attributes | {"url.path": request.path},
    ) as span:
        try:
            response = await handler(request)
            attributes |= _note_status(span, response.status)
            return response
        except web.HTTPException as answer:
            attributes |= _note_status(span, answer.status)
            raise
        except Exception as error:
            attributes |= {"http.response.status_code": 500, "error.type": type(error).__qualname__}
            span.set_attributes(attributes)
            raise
        finally:
            _duration.record(time.perf_counter() - begun, attributes)


async def call(session: aiohttp.ClientSession, method: str, url: URL, json: Any = None) -> Any:
    """Ask another service, in a CLIENT span that its SERVER span is a child of; its JSON answer."""
    with _tracer.start_as_current_span(
        method,
        kind=SpanKind.CLIENT,
        attributes={
            "http.request.method": method,
            "server.address": url.host or "",
            "server.port": url.port or 0,
            "url.full": str(url),
        },
    ) as span:
        headers: dict[str, str] = {}
        inject(headers)
        async with session.request(method, url, json=json, headers=headers) as response:
            _note_status(span, response.status, failed_from=400)
            response.raise_for_status()
            return await response.json()


@contextmanager
def query(operation: str, table: str, text: str, namespace: str) -> Iterator[Span]:
    """A database CLIENT span around one statement."""
    with _tracer.start_as_current_span(
        f"{operation} {table}",
        kind=SpanKind.CLIENT,
        attributes={
            "db.system.name": "sqlite",
            "db.namespace": namespace,
            "db.operation.name": operation,
            "db.collection.name": table,
            "db.query.text": text,
        },
    ) as span:
        yield span


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "_unmatched"


def _note_status(span: Span, status: int, failed_from: int = 500) -> dict[str, str | int]:
    """Mark a failure as the conventions ask: a server's own from 500 on, a client's from 400 on."""
    noted: dict[str, str | int] = {"http.response.status_code": status}
    if status >= failed_from:
        noted["error.type"] = str(status)
        span.set_status(StatusCode.ERROR)
    span.set_attributes(noted)
    return noted
