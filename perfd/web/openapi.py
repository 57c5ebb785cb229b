"""openapi.json, made of the endpoint table: nothing is written down twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from perfd import __version__
from perfd.web.endpoint import BODY_LIMIT, Endpoint
from perfd.web.schemas import ErrorDocument

_REFERENCE = "#/components/schemas/{name}"
_FAILURES = {
    "400": "What was sent cannot be used; the message says what to change",
    "403": "The caller may not do this; the message says what is needed",
    "404": "There is no such thing",
    "409": "It does not fit the present state",
}


def describe(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these endpoints."""
    types = list(dict.fromkeys(_types(endpoints)))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, of, components)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "perfd",
            "version": __version__,
            "description": "Times are RFC 3339 UTC, durations seconds, intervals 95 %.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _types(endpoints: Iterable[Endpoint]) -> Iterable[Any]:
    yield ErrorDocument
    for endpoint in endpoints:
        yield endpoint.response
        yield endpoint.query
        if endpoint.body:
            yield endpoint.body


def _operation(
    endpoint: Endpoint, of: dict[Any, Any], components: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "parameters": _parameters(endpoint, components[endpoint.query.__name__]),
        "responses": {
            str(endpoint.status): _content("Done", of[endpoint.response]),
            **{code: _content(words, of[ErrorDocument]) for code, words in _FAILURES.items()},
        },
    }
    if endpoint.body:
        described["requestBody"] = {
            **_content(f"At most {BODY_LIMIT // 1024} KiB", of[endpoint.body]),
            "required": bool(components[endpoint.body.__name__].get("required")),
        }
        described["security"] = [{"token": []}, {}]
    return described


def _parameters(endpoint: Endpoint, schema: dict[str, Any]) -> list[dict[str, Any]]:
    in_path = set(re.findall(r"{(\w+)}", endpoint.path))
    return [
        {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in in_path or name in schema.get("required", ()),
            "schema": of,
        }
        for name, of in schema["properties"].items()
    ]


def _content(words: str, schema: Any) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _operation_id(endpoint: Endpoint) -> str:
    parts = re.findall(r"[a-z]+", endpoint.path.removeprefix("/api/v1"))
    return "_".join([endpoint.method.lower(), *parts])
