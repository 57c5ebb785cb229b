"""What may not be set about trends."""

from __future__ import annotations

import pytest

from perfd.detect.trends.settings import TrendSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"full": 0.0},
        {"full": 1.1},
        {"throttled": 0.0},
        {"horizon": -1.0},
        {"leak_bytes": -1},
        {"leak_after": 3600.0},
        {"drift_after": 86_400.0},
    ],
)
def test_what_makes_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrendSettings(**wrong)  # type: ignore[arg-type]
