"""openapi.json and the routes are the same list."""

from __future__ import annotations

import json
import re

from perfd.web.api import ENDPOINTS, routes
from perfd.web.openapi import describe
from tests.web.world import empty_world

METHODS = {"get", "post", "put", "patch", "delete"}


def test_every_route_is_described_and_every_description_is_a_route() -> None:
    described = {
        (method.upper(), path)
        for path, operations in describe(ENDPOINTS)["paths"].items()
        for method in operations
    }
    app = empty_world().app()
    registered = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource and route.resource.canonical.startswith("/api/v1/")
    }
    registered = {(m, p) for m, p in registered if m != "HEAD"}
    assert registered - {("GET", "/api/v1/openapi.json")} == described
    assert len(routes()) == len(described) + 1


def test_every_reference_leads_somewhere() -> None:
    document = describe(ENDPOINTS)
    schemas = document["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(schemas)


def test_operations_are_named_once_and_their_path_parameters_declared() -> None:
    paths = describe(ENDPOINTS)["paths"]
    operations = [(path, op) for path, ops in paths.items() for op in ops.values()]
    names = [operation["operationId"] for _, operation in operations]
    assert len(set(names)) == len(names)
    for path, operation in operations:
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        assert set(operation["responses"]) >= {"400", "403", "404", "409"}
