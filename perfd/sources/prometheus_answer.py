"""The answers of Prometheus' HTTP API, read and put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from perfd.errors import QueryError

Array = NDArray[np.float64]

MOST_SERIES = 2_000


@dataclass(frozen=True, slots=True)
class Samples:
    """One series of an answer, in the order of time (seconds UTC).

    `odd` values were NaN or infinite and are left out: a quantile of no requests is NaN.
    """

    labels: Mapping[str, str]
    times: Array
    values: Array
    odd: int


@dataclass(frozen=True, slots=True)
class Answer:
    """All series, and what the server warned of (a part of its data that did not answer)."""

    series: tuple[Samples, ...]
    warnings: tuple[str, ...] = ()


class Matrix(msgspec.Struct):
    """A series of the answer to a range query; its numbers are text."""

    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    histograms: list[msgspec.Raw] = []


class Content(msgspec.Struct):
    """What a query gave; the result's form goes by its type."""

    result_type: str = msgspec.field(name="resultType")
    result: msgspec.Raw


class Body(msgspec.Struct):
    """The envelope of every answer, good or bad."""

    status: str
    data: Content | None = None
    error: str = ""
    warnings: list[str] = []


def read(content: bytes) -> Body:
    """The envelope of a good answer. Raises QueryError."""
    try:
        body = msgspec.json.decode(content, type=Body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _strange(str(error)) from error
    if body.status != "success":
        raise QueryError(body.error or f"status {body.status!r}", retryable=False)
    return body


def matrix(body: Body) -> list[Matrix]:
    """The series of a range query. Raises QueryError."""
    if body.data is None or body.data.result_type != "matrix":
        raise _strange("no matrix")
    try:
        result = msgspec.json.decode(body.data.result, type=list[Matrix])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _strange(str(error)) from error
    if any(series.histograms for series in result):
        raise QueryError(
            "the query gives native histograms; put histogram_quantile(0.95, …) around it",
            retryable=False,
        )
    return result


def refusal(content: bytes) -> str:
    """Why a server refused, in its own words; empty where it said none."""
    try:
        return msgspec.json.decode(content, type=Body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


@dataclass(slots=True)
class _Pile:
    times: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    odd: int = 0


class Joined:
    """The pieces of one range as they come in, oldest first."""

    def __init__(self) -> None:
        self._piles: dict[tuple[tuple[str, str], ...], _Pile] = {}
        self._warnings: dict[str, None] = {}

    def add(self, body: Body) -> None:
        """One more piece. Raises QueryError."""
        self._warnings |= dict.fromkeys(body.warnings)
        for series in matrix(body):
            labels = tuple(sorted(series.metric.items()))
            _add(self._piles.setdefault(labels, _Pile()), series)
        if len(self._piles) > MOST_SERIES:
            words = f"more than {MOST_SERIES:,} series; add them up by fewer labels"
            raise QueryError(f"the query gives {words}", retryable=False)

    def answer(self) -> Answer:
        """All of it."""
        series = (
            Samples(dict(labels), np.concatenate(pile.times), np.concatenate(pile.values), pile.odd)
            for labels, pile in self._piles.items()
        )
        return Answer(tuple(series), tuple(self._warnings))


def _add(pile: _Pile, series: Matrix) -> None:
    times = np.array([time for time, _ in series.values])
    values = np.array([_number(text) for _, text in series.values])
    finite = np.isfinite(values)
    pile.odd += int((~finite).sum())
    pile.times.append(times[finite])
    pile.values.append(values[finite])


def _number(text: str) -> float:
    """`NaN`, `+Inf` and whatever else is no number are all odd."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def _strange(words: str) -> QueryError:
    return QueryError(f"this is no answer of a Prometheus: {words}", retryable=False)
