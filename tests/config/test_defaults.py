"""config/perfd.yaml holds every default, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from perfd.config import Config, load

FILE = Path(__file__).parents[2] / "config" / "perfd.yaml"


def keys(value: Any, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    return {path, *(k for name, inner in value.items() for k in keys(inner, f"{path}.{name}"))}


def test_the_file_equals_the_defaults_in_the_code() -> None:
    assert load(FILE, {}) == Config()


def test_the_file_leaves_nothing_out() -> None:
    written = keys(yaml.safe_load(FILE.read_text()))
    assert written == keys(msgspec.to_builtins(Config()))


def test_every_section_and_most_settings_are_explained() -> None:
    lines = [line for line in FILE.read_text().splitlines() if line and ": " in line]
    assert sum("#" in line for line in lines) > len(lines) / 2
