"""The configuration of the demo's perfd: what it must know, and otherwise the shipped defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from perfd.demo.endpoints import LOOPBACK, Endpoints

# All that the demo may ever set, so that what it shows is what people get.
ALLOWED = frozenset({"listen", "data_dir", "pace", "slos", "trackers"})


def demo_config(endpoints: Endpoints, data_dir: Path, pace: int) -> dict[str, Any]:
    """The configuration as perfd reads it from YAML."""
    return {
        "listen": {
            "http": f"{LOOPBACK}:{endpoints.http}",
            "otlp_http": f"{LOOPBACK}:{endpoints.otlp_http}",
            "otlp_grpc": f"{LOOPBACK}:{endpoints.otlp_grpc}",
        },
        "data_dir": str(data_dir),
        "pace": pace,
    }


def write_config(endpoints: Endpoints, workdir: Path, pace: int) -> Path:
    """Put the configuration where `perfd run --config` finds it."""
    data_dir = workdir / "perfd"
    data_dir.mkdir(exist_ok=True)
    file = workdir / "perfd.yaml"
    file.write_text(yaml.safe_dump(demo_config(endpoints, data_dir, pace), sort_keys=False))
    return file
