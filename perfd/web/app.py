"""The HTTP port: pages, API, metrics and health on one aiohttp application, and its life."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from perfd.forward.centre import Centre
from perfd.interfaces import Board, Clock, Desk, Live, Meter, Store
from perfd.web.access import Access, Purpose
from perfd.web.caller import caller_of
from perfd.web.context import CONTEXT, Context, RenderMetrics
from perfd.web.endpoint import json_response
from perfd.web.failures import Failure, describe
from perfd.web.headers import add_headers
from perfd.web.health import healthz, readyz
from perfd.web.metrics import metrics
from perfd.web.settings import WebSettings
from perfd.web.totals import ServiceTotals

log = logging.getLogger(__name__)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Routes that tell nothing: what a probe, a browser before sign-in, or one who was refused needs.
OPEN = frozenset({"/static/{name}", "/healthz", "/readyz", "/signin"})
AsPage = Callable[[web.Request, Failure], web.Response]
_FAILED: web.AppKey[AsPage | None] = web.AppKey("failed")
_PUSHES: web.AppKey[frozenset[str]] = web.AppKey("pushes", frozenset)


class WebApp:
    """Component: listens on `listen` (host:port, port 0 for any) from `start` to `stop`.

    `extra_routes` take telemetry and are mounted beside our own: web knows nothing of sources.
    Without `pages` it is the port of an agent. `endpoints` may be filled in until the first page
    is asked for (ports are known late).
    """

    name = "web"

    def __init__(
        self,
        *,
        listen: str,
        store: Store,
        desk: Desk,
        live: Live,
        board: Board,
        access: Access,
        clock: Clock,
        meter: Meter,
        totals: ServiceTotals,
        render_metrics: RenderMetrics,
        settings: WebSettings = WebSettings(),  # noqa: B008 - frozen
        pace: float = 1.0,
        extra_routes: Sequence[web.RouteDef] = (),
        endpoints: Mapping[str, str] | None = None,
        centre: Centre | None = None,
        pages: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host, _, port = listen.rpartition(":")
        self._port = int(port)
        self._tls = tls
        self._settings = settings
        self._extra_routes = tuple(extra_routes)
        self._build = build if pages else build_for_agent
        self._runner: web.AppRunner | None = None
        self.context = Context(
            store=store,
            desk=desk,
            live=live,
            board=board,
            access=access,
            clock=clock,
            meter=meter,
            totals=totals,
            render_metrics=render_metrics,
            settings=settings,
            pace=pace,
            endpoints=endpoints if endpoints is not None else {},
            centre=centre,
        )

    @property
    def address(self) -> str:
        """The URL that it answers at, without a slash at the end."""
        return self.context.base_url

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        runner = web.AppRunner(
            self._build(self.context, self._extra_routes),
            handle_signals=False,
            access_log=None,
            shutdown_timeout=self._settings.shutdown_timeout,
            auto_decompress=False,  # a push is inflated by its receiver, within a bound
        )
        await runner.setup()
        self._runner = runner
        try:
            host = self._host.strip("[]")
            await web.TCPSite(runner, host, self._port, ssl_context=self._tls).start()
        except OSError:
            await self.stop()
            raise
        self.context.base_url = self._settings.public_url.rstrip("/") or self._own_url(runner)

    async def stop(self) -> None:
        """Answer what was asked, within the time of the settings, and close the port."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _own_url(self, runner: web.AppRunner) -> str:
        scheme = "https" if self._tls else "http"
        host = "localhost" if self._host in {"", "0.0.0.0", "[::]"} else self._host  # noqa: S104
        return f"{scheme}://{host}:{runner.addresses[0][1]}"


def build(context: Context, extra_routes: Sequence[web.RouteDef] = ()) -> web.Application:
    """The application, ready to be served; tests drive it as it is."""
    from perfd.web import api, pages, static  # an agent does without them, and without their memory

    app = _application(context, extra_routes, api.routes() + pages.routes() + static.routes())
    app[_FAILED] = pages.failed
    return app


def build_for_agent(context: Context, extra_routes: Sequence[web.RouteDef] = ()) -> web.Application:
    """The application of an agent: health, metrics, telemetry, and deploys that are announced."""
    from perfd.web import api_deploys

    return _application(context, extra_routes, [e.route() for e in api_deploys.ENDPOINTS])


def _application(
    context: Context, extra_routes: Sequence[web.RouteDef], routes: Sequence[web.RouteDef]
) -> web.Application:
    app = web.Application(middlewares=[counted, answered, guarded])
    app[CONTEXT] = context
    app[_FAILED] = None
    app[_PUSHES] = frozenset(route.path for route in extra_routes)
    app.on_response_prepare.append(add_headers)
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
            *routes,
            *extra_routes,
        ]
    )
    return app


@web.middleware
async def counted(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Count every answer by route and code; an unknown path is one route, or they had no bound."""
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    request.app[CONTEXT].meter.count("perfd_http_requests", route=route, code=str(response.status))
    return response


@web.middleware
async def answered(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Every problem becomes an answer: JSON for programs, a page for people."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except Exception as problem:
        failure = describe(problem)
        if failure.status >= 500:
            log.exception("%s %s failed", request.method, request.path)
        return _failed(request, failure)


@web.middleware
async def guarded(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Only what the access rules allow goes further."""
    purpose = purpose_of(request)
    if purpose is not None:
        request.app[CONTEXT].access.check(purpose, caller_of(request))
    return await handler(request)


def purpose_of(request: web.Request) -> Purpose | None:
    """What a request is for, by its route and method; None where everybody may.

    By the route, and not by how the path begins: what leads nowhere is a read or a change as well.
    """
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical in OPEN:
        return None
    if resource is not None and resource.canonical in request.app[_PUSHES]:
        return Purpose.PUSH
    return Purpose.READ if request.method in {"GET", "HEAD"} else Purpose.CHANGE


def _failed(request: web.Request, failure: Failure) -> web.Response:
    as_page = request.app[_FAILED]
    wanted = "text/html" in request.headers.get("Accept", "")
    if as_page is not None and wanted and not request.path.startswith("/api/"):
        response = as_page(request, failure)
    else:
        response = json_response(failure.document, failure.status)
    response.headers.update(failure.headers)
    return response
