"""What is stored comes back equal, NaN and integer keys included."""

from __future__ import annotations

import numpy as np

from perfd.model.evidence import Evidence
from perfd.model.exemplar import Exemplar, SpanRecord
from perfd.model.finding import Check, Finding
from perfd.model.histogram import Histogram
from perfd.model.series import Series
from perfd.tickets.codec import decode, document, encode


def test_evidence_survives_the_store() -> None:
    span = SpanRecord("a", "", "pricing", "POST /quote", "server", 1.0, 0.1)
    exemplar = Exemplar("slowest", 0.1, "t", "a", 1.0, 0.1, spans=(span,))
    evidence = Evidence(
        "f", (), Histogram.of([0.1, 0.2]), Histogram.of([]), (), (), (), (), (exemplar,), (), (),
        (Check("mix", True, "same mix", {"share": 0.5}),), None,
    )  # fmt: skip
    assert decode(Evidence, encode(evidence)) == evidence


def test_a_finding_knows_its_kind() -> None:
    finding = Finding(
        "regression", "deploy", "suspected", Series.of("requests", service="a"), "a", "prod",
        "GET /", "latency.p95", "s", 1.0, (0.0, 2.0), 3.0, None, None, None, None, False, "why",
    )  # fmt: skip
    stored = document(finding, finding.id, 1, 3.0)
    assert stored.kind == "finding"
    assert decode(Finding, stored.body) == finding


def test_numbers_that_numpy_computed_are_numbers() -> None:
    check = Check("mix", True, "same mix", {"share": np.float64(0.5), "count": np.int64(3)})  # type: ignore[dict-item]
    again = decode(Check, encode(check))
    assert again.inputs == {"share": 0.5, "count": 3}
    assert type(again.inputs["share"]) is float
