"""Every metric is declared, and what is counted is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perfd.telemetry import COUNTER, METRICS, Telemetry, TelemetrySettings


def test_what_is_counted_is_shown() -> None:
    telemetry = Telemetry(TelemetrySettings(), "1.2.3")
    telemetry.count("perfd_receiver_offered_items", 5, signal="traces", transport="http")
    telemetry.observe("perfd_log_fsync_seconds", 0.003)
    telemetry.gauge("perfd_log_size_bytes", lambda: 42.0)
    text = telemetry.render().decode()
    assert 'perfd_receiver_offered_items_total{signal="traces",transport="http"} 5.0' in text
    assert "perfd_log_fsync_seconds_sum 0.003" in text
    assert "perfd_log_size_bytes 42.0" in text
    telemetry.close()


def test_an_undeclared_name_is_an_error() -> None:
    telemetry = Telemetry(TelemetrySettings(), "1.2.3")
    with pytest.raises(KeyError):
        telemetry.count("perfd_surprise")
    telemetry.close()


def test_every_name_that_the_code_uses_is_declared() -> None:
    package = Path(__file__).parents[2] / "perfd"
    used = {
        name
        for file in package.rglob("*.py")
        for name in re.findall(
            r"\.(?:count|observe|gauge)\(\s*\"(perfd_[a-z0-9_]+)\"", file.read_text()
        )
    }
    assert used - set(METRICS) == set()


def test_a_counter_does_not_carry_the_suffix_that_prometheus_adds() -> None:
    assert [n for n, d in METRICS.items() if d.kind == COUNTER and n.endswith("_total")] == []
