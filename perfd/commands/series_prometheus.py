"""Series that a Prometheus holds, as a query gives them."""

from __future__ import annotations

import argparse
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perfd.commands.prometheus_question import DAY, Question, scale_of
from perfd.commands.series_points import Points
from perfd.errors import BadInput
from perfd.sources.prometheus import Prometheus
from perfd.sources.prometheus_answer import Answer, Samples

Array = NDArray[np.float64]

SERVICES = ("service", "service_name", "app", "job")  # labels that name one
COUNTER = re.compile(r"_(total|count|bucket|sum)$")
GROWS = 0.95  # of its points: a counter falls only when it starts anew
MOST_ZEROS = 0.1  # of a series' points: with more it is a count, and no level
MOST_TOLD = 5


@dataclass(slots=True)
class Asked:
    """What a server gave; `left_out` is (series, why) of points and series that cannot be used."""

    question: Question
    series: dict[str, Points] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    def name(self, samples: Samples) -> str:
        """A lone series without labels is named by its query."""
        return name_of(samples.labels) or self.question.query


async def fetch(args: argparse.Namespace, now: float) -> Asked:
    """What the options ask of the server that they name. Raises QueryError, BadInput, OSError."""
    question = Question.of(args, now)
    if not re.match(r"https?://[^/]", args.prometheus):
        raise BadInput(f"--prometheus: {args.prometheus!r} is no http URL")
    file: Path | None = args.token_file

    def token() -> str:
        return file.read_text("utf-8").strip() if file else ""

    tls = ssl.create_default_context(cafile=args.ca_file) if args.ca_file else None
    async with Prometheus(args.prometheus, token=token, tls=tls, timeout=args.timeout) as server:
        return await ask(server, question)


async def ask(server: Prometheus, question: Question) -> Asked:
    """All series of the question. Raises QueryError, and BadInput where nothing can be used."""
    answer = await server.range(question.query, *question.span, question.step)
    asked = Asked(question, warnings=answer.warnings)
    if question.whole:
        whole = await server.range(question.whole, *question.span, question.step)
        asked.warnings += whole.warnings
        _take_shares(asked, answer, whole)
    else:
        _take_levels(asked, answer)
    if not asked.series:
        raise BadInput(_nothing(asked))
    return asked


def name_of(labels: Mapping[str, str]) -> str:
    """Whose, what, and all other labels: `pricing quote_seconds{operation="quote"}`."""
    owner = next((label for label in SERVICES if labels.get(label)), "")
    head = " ".join(labels[label] for label in (owner, "__name__") if labels.get(label))
    rest = [f'{k}="{v}"' for k, v in sorted(labels.items()) if k not in (owner, "__name__")]
    return head + (f"{{{','.join(rest)}}}" if rest else "")


def _take_levels(asked: Asked, answer: Answer) -> None:
    for samples in answer.series:
        _refuse_counter(samples)
        name = asked.name(samples)
        _say_odd(asked, name, samples)
        kept = samples.values > 0.0
        wrong = int((~kept).sum())
        words = f"{wrong} of {len(kept)} points are not above 0"
        if wrong > MOST_ZEROS * len(kept):
            asked.left_out.append((name, f"{words}: ask for counts, with --of"))
            continue
        if wrong:
            asked.left_out.append((name, words))
        if kept.any():
            values = samples.values[kept]
            asked.series[name] = Points(samples.times[kept], values, np.ones(len(values)))


def _take_shares(asked: Asked, part: Answer, whole: Answer) -> None:
    """Counts k of n; a series of n without one of k had none of it."""
    question = asked.question
    more, per = (scale_of(query, question.step) for query in (question.query, question.whole))
    parts = {_labels(samples): samples for samples in part.series}
    for samples in whole.series:
        name = asked.name(samples)
        _refuse_counter(samples)
        _say_odd(asked, name, samples)
        held = parts.pop(_labels(samples), None)
        told = samples.values > 0.0
        times, n = samples.times[told], per * samples.values[told]
        k = more * _at(held, times)
        # increase() extrapolates, each query by itself: k may come out a little above n
        if len(n):
            asked.series[name] = Points(times, np.clip(k, 0.0, n), n)
    for samples in parts.values():
        asked.left_out.append((asked.name(samples), "--of gives no such series"))


def _labels(samples: Samples) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in samples.labels.items() if k != "__name__"))


def _at(samples: Samples | None, times: Array) -> Array:
    """Its values at these times; 0 where it has none."""
    if samples is None:
        return np.zeros(len(times))
    known = dict(zip(samples.times.tolist(), samples.values.tolist(), strict=True))
    return np.array([known.get(time, 0.0) for time in times.tolist()])


def _refuse_counter(samples: Samples) -> None:
    name = samples.labels.get("__name__", "")
    if not COUNTER.search(name) or len(samples.values) < 2:
        return
    if float((np.diff(samples.values) >= 0.0).mean()) > GROWS:
        raise BadInput(f"{name} is a counter, which only grows: ask for rate({name}[5m])")


def _say_odd(asked: Asked, name: str, samples: Samples) -> None:
    if samples.odd:
        asked.left_out.append((name, f"{samples.odd} points are NaN or infinite"))


def _nothing(asked: Asked) -> str:
    told = "; ".join(f"{name}: {why}" for name, why in asked.left_out[:MOST_TOLD])
    question = asked.question
    found = told or "no series. Does it give one on Prometheus' own page?"
    days = f"{question.length / DAY:g} days"
    return f"nothing to judge in the last {days} of {question.query!r}: {found}"
