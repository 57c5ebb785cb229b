"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest

from perfd.model.finding import Effect
from perfd.tickets.wording import (
    band,
    effect_text,
    length,
    moment,
    percent_change,
    quantity,
    scale_of,
    share,
)


@pytest.mark.parametrize(
    ("value", "unit", "ci", "text"),
    [
        (0.0718342, "s", (0.070, 0.075), "72 ms"),
        (0.0411, "s", (0.0401, 0.0422), "41 ms"),
        (0.0059, "s", (0.0056, 0.0062), "5.9 ms"),
        (1.2345, "s", (1.0, 1.5), "1.2 s"),
        (0.000012, "s", (0.000011, 0.000013), "12 µs"),
        (0.0002, "1", (0.0001, 0.0003), "0.02 %"),
        (0.0, "1", (0.0, 0.001), "0 %"),
        (52_428_800.0, "By", (5e7, 5.4e7), "50 MiB"),
        (120.4, "/s", (118.0, 123.0), "120 /s"),
        (0.0718342, "s", None, "71.8 ms"),
        (math.nan, "s", None, "unknown"),
        (3.0, "widgets", None, "3.00 widgets"),
    ],
)
def test_a_quantity_is_rounded_to_what_its_interval_allows(
    value: float, unit: str, ci: tuple[float, float] | None, text: str
) -> None:
    assert quantity(value, unit, ci) == text


def test_a_row_stays_in_one_unit() -> None:
    scale = scale_of("s", 0.4, 1.6)
    assert quantity(0.4, "s", (0.35, 0.45), scale) == "0.40 s"


def test_changes_carry_their_interval() -> None:
    assert percent_change(1.76, (1.69, 1.83)) == "+76 % (+69 … +83 %)"
    assert percent_change(0.97, (0.96, 0.98)) == "−3 % (−4 … −2 %)"
    assert percent_change(1.052, (1.049, 1.055)) == "+5.2 % (+4.9 … +5.5 %)"


def test_an_effect_from_zero_is_absolute() -> None:
    assert effect_text(Effect(None, None, 0.012), "1") == "+1.20 percentage points"
    assert effect_text(Effect(None, None, 0.012), "s") == "+12.0 ms"


def test_durations_and_shares_are_in_plain_words() -> None:
    assert [length(s) for s in (0.5, 30, 1800, 5400, 86_400, 259_200)] == [
        "500 ms",
        "30 s",
        "30 min",
        "90 min",
        "24 h",
        "3 days",
    ]
    assert [share(s) for s in (0.98, 0.05, 0.031)] == ["98 %", "5 %", "3.1 %"]
    assert band(0.039, 0.0441, "s") == "39 … 44 ms"
    assert moment(1_779_631_320.0) == "24 May 2026, 14:02 UTC"
