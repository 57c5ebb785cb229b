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


def code_of(template: str, service: str, version: str) -> str:
    """`code_url` for one version; {file} and {line} are still open. "" when none is configured."""
    filled = template.replace("{service}", quote(service, safe=""))
    return outside(filled.replace("{version}", quote(version, safe="")))


def code(template: str, file: str, line: int) -> str:
    """Where a line of source can be read, by what `code_of` gave; "" when that is nowhere."""
    if not (template and file):
        return ""
    return template.replace("{file}", quote(file.lstrip("/"))).replace("{line}", str(max(line, 1)))
