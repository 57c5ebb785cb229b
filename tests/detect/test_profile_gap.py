"""Why no function is named."""

from __future__ import annotations

import pytest

from perfd.detect.profile_diff import comparable, samplers
from perfd.model.profile import PROFILE, ProfileWindow, Weight
from perfd.model.series import Series


def window(sampler: str = "", hits: int = 10) -> ProfileWindow:
    labels = {"sampler": sampler} if sampler else {}
    series = Series.of(PROFILE, service="s", version="1", type="process_cpu:cpu", **labels)
    return ProfileWindow(series, 0.0, 60.0, "nanoseconds", {1: Weight(hits, hits)} if hits else {})


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (["a"], ["a"], (1, 1)),
        (["a", "b"], ["b"], (1, 1)),
        (["a"], ["b"], (0, 0)),
        ([""], ["b"], (0, 0)),
        ([""], [""], (1, 1)),
        (["a"], [], (0, 0)),
    ],
)
def test_only_what_the_same_sampler_took(
    before: list[str], after: list[str], kept: tuple[int, int]
) -> None:
    sides = [[window(name) for name in side] for side in (before, after)]
    old, new = comparable(*sides)
    assert (len(old), len(new)) == kept


def test_who_took_them() -> None:
    assert samplers([window("a"), window(), window("a")]) == {"a", ""}
