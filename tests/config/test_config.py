"""The configuration: strict, every problem at once with its line, units in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfd.config import Config, load, measure
from perfd.errors import ConfigError


def problems(tmp_path: Path, text: str, **environment: str) -> list[str]:
    file = tmp_path / "perfd.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, environment)
    return [p.replace(str(tmp_path) + "/", "") for p in caught.value.problems]


def test_nothing_set_means_the_defaults() -> None:
    assert load(None, {}) == Config()


def test_the_file_is_taken_with_units(tmp_path: Path) -> None:
    file = tmp_path / "perfd.yaml"
    file.write_text(
        "pace: 60\nlisten: {http: '127.0.0.1:0'}\nstore: {max_bytes: 2GiB, hot: 1h30m}\n"
        "tickets:\n  hold_for: 5m\n  trackers:\n    - {type: markdown, folder: tickets}\n"
    )
    config = load(file, {})
    assert (config.pace, config.store.max_bytes, config.store.hot) == (60, 2 << 30, 5400)
    assert config.tickets.hold_for == 300
    assert config.tickets.trackers[0].folder == "tickets"  # type: ignore[union-attr]


def test_every_problem_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "listn: {}\npace: fast\ntickets:\n  hold_for: 5 parsecs\n  trackers:\n"
        "    - type: markdown\n    - type: telepathy\nstore:\n  max_bytes: 0\n",
    )
    assert found[0] == "perfd.yaml:1: listn: unknown key; did you mean 'listen'?"
    assert found[1].startswith("perfd.yaml:2: pace: Expected `float`")
    assert found[2].startswith("perfd.yaml:4: tickets.hold_for: '5 parsecs' is not a duration")
    assert found[3] == "perfd.yaml:6: tickets.trackers.0.folder: is required"
    assert found[4].startswith("perfd.yaml:7: tickets.trackers.1: Invalid value 'telepathy'")
    assert found[5].startswith("perfd.yaml:9: store.max_bytes: Expected")
    assert len(found) == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pace: 0.5\n", "pace: 0.5 is below 1"),
        ("pace: 101\n", "pace: 101 makes base windows shorter than 100 ms"),
        ("listen: {otlp_http: nowhere}\n", "'nowhere' is not host:port"),
        ("durability: sometimes\n", "durability: Invalid enum value 'sometimes'"),
        ("pace: 1\npace: 2\n", "'pace' is given twice"),
        ("- a list\n", "expected sections"),
        ("a: [\n", "expected the node content"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in "\n".join(problems(tmp_path, text))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nowhere.yaml", {})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "perfd.yaml"
    file.write_text("pace: 2\n")
    config = load(file, {"PERFD_PACE": "60", "PERFD_LISTEN__HTTP": "127.0.0.1:9", "PERFD_URL": "x"})
    assert (config.pace, config.listen.http) == (60, "127.0.0.1:9")


def test_what_kubernetes_sets_beside_a_service_is_no_setting() -> None:
    assert load(None, {"PERFD_PORT_4040_TCP": "tcp://10.0.0.1:4040"}) == Config()


def test_an_unknown_variable_is_an_error(tmp_path: Path) -> None:
    assert "perfdx" not in problems(tmp_path, "", PERFD_PASE="1")[0]
    assert "pase: unknown key; did you mean 'pace'?" in problems(tmp_path, "", PERFD_PASE="1")[0]


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("5m", "duration", 300), ("1h30m", "duration", 5400), ("250ms", "duration", 0.25),
     ("64MiB", "size", 64 << 20), ("1.5GiB", "size", 3 << 29), ("10 kB", "size", 10_000)],
)  # fmt: skip
def test_units(text: str, unit: str, value: float) -> None:
    assert measure(text, unit) == value


@pytest.mark.parametrize("text", ["", "5", "m", "5x", "5m!", "-5m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        measure(text, "duration")
