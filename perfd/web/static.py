"""The stylesheet, the script and the icon: read once, named by their content, cached for a year."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_YEAR = "public, max-age=31536000, immutable"
_HOUR = "public, max-age=3600"


@cache
def files() -> dict[str, bytes]:
    """All files by name."""
    found = sorted(path for path in _FOLDER.iterdir() if path.suffix in _TYPES)
    return {path.name: path.read_bytes() for path in found}


@cache
def address(name: str) -> str:
    """Where a file is, with the mark of its content: a new perfd is never shown in old clothes."""
    mark = hashlib.blake2b(files()[name], digest_size=6).hexdigest()
    return f"/static/{name}?v={mark}"


async def serve(request: web.Request) -> web.Response:
    """One file."""
    name = request.match_info["name"]
    body = files().get(name)
    if body is None:
        raise web.HTTPNotFound
    response = web.Response(body=body, content_type=_TYPES[Path(name).suffix], charset="utf-8")
    response.headers["Cache-Control"] = _YEAR if "v" in request.query else _HOUR
    response.enable_compression()
    return response


def routes() -> list[web.RouteDef]:
    """The route of all files."""
    return [web.get("/static/{name}", serve)]
