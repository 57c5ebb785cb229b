"""What every route of perfd's ports is for: the table that the access tests go by.

A new route has to be entered here, or the tests fail.
"""

from __future__ import annotations

from aiohttp import web

from perfd.clock import SystemClock
from perfd.forward.settings import AgentSettings
from perfd.jobs.agents import Agents
from perfd.sources.admission import Admission
from perfd.sources.door import Door
from perfd.sources.profile_decode import ProfileDecoder
from perfd.sources.pyroscope_push import routes as pyroscope_routes
from perfd.sources.sample_settings import ProfileSettings
from perfd.web.access import Access, Purpose
from perfd.web.api_windows import routes as window_routes
from tests.fakes import CountingMeter
from tests.sources.rig import Keeping
from tests.web.world import empty_world

READ, CHANGE, PUSH = Purpose.READ, Purpose.CHANGE, Purpose.PUSH
OPEN = None  # tells nothing, so everybody may

TABLE: dict[tuple[str, str], Purpose | None] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/static/{name}"): OPEN,
    ("POST", "/signin"): OPEN,  # asks for the token itself
    ("POST", "/signout"): CHANGE,
    ("GET", "/metrics"): READ,
    ("GET", "/"): READ,
    ("GET", "/services/{service}"): READ,
    ("GET", "/tickets"): READ,
    ("GET", "/tickets/{id}"): READ,
    ("GET", "/tickets/{id}/markdown"): READ,
    ("POST", "/tickets/{id}/act"): CHANGE,
    ("GET", "/api/v1/openapi.json"): READ,
    ("GET", "/api/v1/services"): READ,
    ("GET", "/api/v1/services/{service}"): READ,
    ("GET", "/api/v1/tickets"): READ,
    ("GET", "/api/v1/tickets/{id}"): READ,
    ("POST", "/api/v1/tickets/{id}/ack"): CHANGE,
    ("POST", "/api/v1/tickets/{id}/mute"): CHANGE,
    ("POST", "/api/v1/tickets/{id}/unmute"): CHANGE,
    ("POST", "/api/v1/tickets/{id}/fix"): CHANGE,
    ("POST", "/api/v1/tickets/{id}/close"): CHANGE,
    ("POST", "/api/v1/tickets/{id}/reopen"): CHANGE,
    ("GET", "/api/v1/findings"): READ,
    ("GET", "/api/v1/deploys"): READ,
    ("GET", "/api/v1/detectability"): READ,
    ("POST", "/api/v1/deploys"): CHANGE,
    ("GET", "/api/v1/profiles/diff"): READ,
    ("GET", "/agents"): READ,
    ("GET", "/api/v1/agents"): READ,
    ("POST", "/api/v1/windows"): PUSH,
    ("POST", "/push.v1.PusherService/Push"): PUSH,
}


def application(access: Access) -> web.Application:
    """perfd's own application with everything that the daemon mounts on it."""
    settings = ProfileSettings()
    meter = CountingMeter()
    decoder, clock = ProfileDecoder(settings, meter), SystemClock()
    door = Door(decoder, Keeping(), Admission(1 << 26, 64), access, clock, meter)
    pushes = pyroscope_routes(door, settings)
    world = empty_world(access)
    limits = AgentSettings()
    centre = Agents(world.store, world.desk, limits, pace=1.0, clock=world.clock, meter=world.meter)
    return world.app((*pushes, *window_routes(centre, limits)))


def routes(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of each route that the application answers; HEAD goes with GET."""
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def filled(path: str) -> str:
    """A path with something in its braces."""
    for name, value in {"id": "PERF-AAAAAA", "service": "shop", "name": "none.css"}.items():
        path = path.replace(f"{{{name}}}", value)
    return path
