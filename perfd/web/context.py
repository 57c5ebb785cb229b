"""What every page and API call is given: the parts of perfd that they read or ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web

from perfd.forward.centre import Centre
from perfd.interfaces import Board, Clock, Desk, Live, Meter, Store
from perfd.web.access import Access
from perfd.web.reader import Reader
from perfd.web.recent import Recent
from perfd.web.settings import WebSettings
from perfd.web.totals import ServiceTotals

T = TypeVar("T")

# Own telemetry as (text, content type).
RenderMetrics = Callable[[], tuple[bytes, str]]


@dataclass(slots=True)
class Context:
    """One per application; `pace` divides the spans of time that pages show.

    `base_url` is known when the port is; `endpoints` are the addresses that take telemetry, by
    name (otlp_http, otlp_grpc, pyroscope), for the lines that a page tells to type.
    """

    store: Store
    desk: Desk
    live: Live
    board: Board
    access: Access
    clock: Clock
    meter: Meter
    totals: ServiceTotals
    render_metrics: RenderMetrics
    settings: WebSettings = field(default_factory=WebSettings)
    pace: float = 1.0
    base_url: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    centre: Centre | None = None  # who forwards here; an agent has nobody
    recent: Recent = field(init=False)

    def __post_init__(self) -> None:
        """One memory of the last hour for all pages."""
        self.recent = Recent(self.store, self.live, self.pace)

    @property
    def reader(self) -> Reader:
        """The store, in the words of pages."""
        return Reader(self.store, self.live, self.pace)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)


async def off_loop(read: Callable[..., T], *arguments: object) -> T:
    """Run a blocking read of the store beside the event loop."""
    return await asyncio.to_thread(read, *arguments)
