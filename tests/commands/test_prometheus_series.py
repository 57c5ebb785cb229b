"""What a query gives becomes series, or is said to be left out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
import pytest

from perfd.commands.prometheus_question import Question, kind_of, scale_of, step_of
from perfd.commands.series_prometheus import ask, name_of
from perfd.errors import BadInput
from perfd.sources.prometheus_answer import Answer, Samples

NOW = 1_700_000_123.0


class Server:
    """Answers each query with the series that were put there."""

    def __init__(self, **answers: Answer) -> None:
        self._answers = answers
        self.asked: list[tuple[str, float, float, float]] = []

    async def range(self, query: str, start: float, end: float, step: float) -> Answer:
        self.asked.append((query, start, end, step))
        return self._answers[query]


def samples(values: list[float], odd: int = 0, first: int = 0, **labels: str) -> Samples:
    times = 300.0 * (np.arange(len(values)) + first)
    return Samples(labels, times, np.array(values, dtype=float), odd)


def question(query: str = "q", **options: object) -> Question:
    given = {"query": query, "of": None, "kind": None, "step": None, "days": 86_400.0, **options}
    return Question.of(argparse.Namespace(**given), NOW)


async def asked(server: Server, of: Question) -> tuple[dict[str, list[float]], dict[str, str]]:
    found = await ask(server, of)  # type: ignore[arg-type]
    series = {name: points.first.tolist() for name, points in found.series.items()}
    return series, dict(found.left_out)


async def test_levels_without_what_is_no_level() -> None:
    server = Server(
        q=Answer(
            (
                samples([1.0] * 95 + [0.0] * 5, odd=3, job="a"),
                samples([0.0, 1.0, 2.0], job="mostly"),
                samples([], odd=4, job="silent"),
                samples([2.0, 1.0]),
            )
        )
    )
    series, left_out = await asked(server, question())
    assert {name: len(values) for name, values in series.items()} == {"a": 95, "q": 2}
    assert left_out["a"] == "5 of 100 points are not above 0"
    assert "--of" in left_out["mostly"]
    assert left_out["silent"] == "4 points are NaN or infinite"


async def test_counts_of_two_queries_meet_by_label_and_time() -> None:
    server = Server(
        part=Answer((samples([1.0, 9.0], first=1, job="a"), samples([1.0], job="lost"))),
        whole=Answer((samples([10.0, 20.0, 8.0, 0.0], job="a"), samples([5.0], job="b"))),
    )
    of = question("part", of="whole")
    assert of.kind == "ratio"
    found = await ask(server, of)  # type: ignore[arg-type]
    assert found.series["a"].first.tolist() == [0.0, 1.0, 8.0]  # never more than there were
    assert found.series["a"].second.tolist() == [10.0, 20.0, 8.0]
    assert found.series["b"].first.tolist() == [0.0]
    assert dict(found.left_out)["lost"] == "--of gives no such series"


async def test_what_is_refused() -> None:
    counter = Server(q=Answer((samples([1.0, 2.0, 3.0], __name__="requests_total"),)))
    with pytest.raises(BadInput, match=r"rate\(requests_total\[5m\]\)"):
        await ask(counter, question())  # type: ignore[arg-type]
    falling = Server(q=Answer((samples([3.0, 1.0, 2.0, 1.0], __name__="in_flight_total"),)))
    assert (await asked(falling, question()))[0]
    with pytest.raises(BadInput, match="no series"):
        await ask(Server(q=Answer(())), question())  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="not above 0"):
        await ask(Server(q=Answer((samples([0.0, 0.0], job="a"),))), question())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"query": None}, "needs --query"),
        ({"kind": "ratio"}, "two queries"),
        ({"of": "w", "kind": "gauge"}, "--of belongs"),
        ({"days": 100.0}, "--days"),
    ],
)
def test_questions_that_make_no_sense(options: Mapping[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        question(**options)


def test_points_are_on_whole_steps_up_to_now() -> None:
    of = question(step=600.0)
    start, end = of.span
    assert (start % 600.0, end % 600.0) == (0.0, 0.0)
    assert NOW - 600.0 < end <= NOW
    assert end - start == 86_400.0 - 600.0


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"service": "a", "operation": "q"}, 'a{operation="q"}'),
        ({"job": "j", "service_name": "s", "__name__": "m"}, 's m{job="j"}'),
        ({"__name__": "m", "host": "h"}, 'm{host="h"}'),
        ({"host": "h"}, '{host="h"}'),
        ({}, ""),
    ],
)
def test_a_name_has_the_service_first(labels: dict[str, str], name: str) -> None:
    assert name_of(labels) == name


@pytest.mark.parametrize(
    ("query", "step"),
    [
        ("up", 300.0),
        ("rate(a[1m])", 300.0),
        ("rate(a[30m]) / rate(b[10m])", 1800.0),
        ("max_over_time(rate(a[5m])[1h:1m])", 3600.0),
        ("increase(a[1d])", 3600.0),
    ],
)
def test_the_step_is_as_long_as_the_query_looks_back(query: str, step: float) -> None:
    assert step_of(query) == step


def test_kinds_and_units_by_the_query() -> None:
    assert kind_of("histogram_quantile(0.9, x)") == "latency"
    assert kind_of("process_resident_memory_bytes") == "gauge"
    assert scale_of("sum(rate(a[5m]))", 300.0) == 300.0
    assert scale_of("sum(increase(a[5m]))", 300.0) == 1.0
    assert scale_of("job:failed:count", 300.0) == 1.0
