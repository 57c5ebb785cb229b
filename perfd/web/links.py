"""Addresses of pages. Names come from telemetry, so every part is quoted."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit


def service_path(name: str) -> str:
    """The page of a service."""
    return f"/services/{quote(name, safe='')}"


def ticket_path(id: str) -> str:
    """The evidence page of a ticket."""
    return f"/tickets/{quote(id, safe='')}"


def query(path: str, **parameters: str | None) -> str:
    """A path with those parameters that have a value."""
    given = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def outside(url: str) -> str:
    """A link that leads out of perfd, or "" when it is not plain http(s): it came from outside."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


def code(template: str, *, service: str, version: str, file: str, line: int) -> str:
    """Where a line of source can be read, by `code_url`; "" when none is configured."""
    if not (template and file):
        return ""
    filled = template
    for name, value in (("service", service), ("version", version), ("file", file.lstrip("/"))):
        filled = filled.replace("{" + name + "}", quote(value))
    return outside(filled.replace("{line}", str(max(line, 1))))
