"""What goes wrong, as an HTTP status, a code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from perfd.errors import (
    BadInput,
    Conflict,
    NotFound,
    Overloaded,
    PerfdError,
    Refused,
    StoreError,
    TooLarge,
    Unsupported,
)

_STATUS: tuple[tuple[type[PerfdError], HTTPStatus], ...] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Unsupported, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (BadInput, HTTPStatus.BAD_REQUEST),
    (Refused, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Overloaded, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
)
_CODES = {
    HTTPStatus.FORBIDDEN: "refused",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal",
}
_WORDS: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than perfd takes here.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One answer that is not what was asked for."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str]

    @property
    def document(self) -> dict[str, dict[str, str]]:
        """The API's form of it."""
        return {"error": {"code": self.code, "message": self.message}}


def describe(problem: Exception) -> Failure:
    """Any exception as a failure; what perfd did not raise on purpose keeps its text to itself."""
    if isinstance(problem, web.HTTPException):
        return _of_http(problem)
    if isinstance(problem, PerfdError):
        status = next((s for t, s in _STATUS if isinstance(problem, t)), None)
        headers = {}
        if isinstance(problem, Overloaded):
            headers["Retry-After"] = str(max(1, round(problem.retry_after)))
        if status is not None:
            return Failure(status, _code(status), str(problem), headers)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    words = "perfd failed to answer this. Its log says why; trying again may help."
    return Failure(status, _code(status), words, {})


def _of_http(problem: web.HTTPException) -> Failure:
    words = _WORDS.get(problem.status, problem.reason)
    headers = {}
    if "Allow" in problem.headers:
        headers["Allow"] = problem.headers["Allow"]
        words = f"{words} Allowed: {headers['Allow']}."
    return Failure(problem.status, _code(HTTPStatus(problem.status)), words, headers)


def _code(status: HTTPStatus) -> str:
    return _CODES.get(status, status.phrase.lower().replace(" ", "_"))
