"""What a Prometheus holds, asked for by its HTTP API: a query over a range of time.

https://prometheus.io/docs/prometheus/latest/querying/api/ (range queries). A range is asked for in
pieces: a server refuses more than 11,000 points of a series at once, and an answer is read whole.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from types import TracebackType

import aiohttp

from perfd.errors import QueryError
from perfd.sources.prometheus_answer import Answer, Joined, read, refusal

MOST_POINTS = 2_000  # of a series in an answer: 1,000 series of them are 50 MB of JSON
LONGEST_ANSWER = 64 * 1024 * 1024  # bytes
SLACK = 1e-4  # of a step, which times of 1.7e9 s are rounded by
RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
DENIED = frozenset({401, 403})


class Prometheus:
    """One server, or whatever speaks its API; `url` is what stands before `/api/v1`.

    A context: `async with Prometheus(url) as server`. `token` is asked for at each request, so that
    it can be rotated in its file. Redirects are not followed: they would carry the token elsewhere.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Callable[[], str] = str,
        tls: ssl.SSLContext | None = None,
        timeout: float = 60.0,
        longest: int = LONGEST_ANSWER,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._tls = tls
        self._longest = longest
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Prometheus:
        """Nothing is connected before it is needed."""
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def range(self, query: str, start: float, end: float, step: float) -> Answer:
        """The values at start, start + step, … up to end (seconds UTC). Raises QueryError.

        No series is an empty answer and no error: only who asked knows whether that is one.
        """
        joined = Joined()
        for begin, last in pieces(start, end, step):
            times = {"start": f"{begin:.3f}", "end": f"{last:.3f}", "step": f"{step:g}"}
            content = await self._ask("query_range", {"query": query, **times})
            try:
                joined.add(read(content))
            except QueryError as error:
                raise QueryError(f"{self._url}: {error}", retryable=error.retryable) from error
        return joined.answer()

    async def _ask(self, path: str, form: Mapping[str, str]) -> bytes:
        """POST, as a query may be longer than an address may be."""
        if self._session is None:
            raise RuntimeError("a Prometheus is asked inside its context")
        headers = self._headers()
        try:
            async with self._session.post(
                f"{self._url}/api/v1/{path}",
                data=form,
                headers=headers,
                allow_redirects=False,
                ssl=self._tls or True,
            ) as answer:
                content = await self._content(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            words = str(error) or "it took too long"
            raise QueryError(f"{self._url} does not answer: {words}", retryable=True) from error
        if answer.status != HTTPStatus.OK:
            raise self._refused(answer.status, content)
        return content

    def _headers(self) -> dict[str, str]:
        try:
            token = self._token()
        except (OSError, UnicodeDecodeError) as error:
            words = f"the token of {self._url} cannot be read: {error}"
            raise QueryError(words, retryable=True) from error
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def _content(self, answer: aiohttp.ClientResponse) -> bytes:
        """The body, inflated, up to its bound."""
        parts, size = [], 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > self._longest:
                words = f"the answer of {self._url} is longer than {self._longest:,} bytes"
                raise QueryError(f"{words}; add the series up by fewer labels", retryable=False)
            parts.append(part)
        return b"".join(parts)

    def _refused(self, status: int, content: bytes) -> QueryError:
        words = refusal(content)
        if not words and status in DENIED:
            words = f"HTTP {status}: it wants a token that may read"
        elif not words:
            words = f"HTTP {status}; is this what stands before /api/v1 of a Prometheus?"
        return QueryError(f"{self._url}: {words}", retryable=status in RETRYABLE)


def pieces(start: float, end: float, step: float) -> Iterator[tuple[float, float]]:
    """First and last point of each request; every point of the range is in one of them."""
    points = int((end - start) / step + SLACK) + 1
    for first in range(0, points, MOST_POINTS):
        last = min(first + MOST_POINTS, points) - 1
        yield start + first * step, start + last * step
