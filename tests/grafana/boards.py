"""The committed dashboards, their queries, and those with Grafana's variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))

Board = dict[str, Any]


def board(file: Path) -> Board:
    return dict(json.loads(file.read_text()))


def panels(of: Board) -> list[dict[str, Any]]:
    """Those that show something: rows are titles."""
    return [panel for panel in of["panels"] if panel["type"] != "row"]


def queries(of: Board) -> Iterator[tuple[str, str]]:
    """Title and PromQL of every panel and annotation."""
    for panel in panels(of):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for annotation in of["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def variables(of: Board) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in of["templating"]["list"]}


def filled(text: str, values: Mapping[str, str]) -> str:
    """A query as Grafana sends it."""
    values = {"__rate_interval": "1m", "__interval": "15s", "__range": "6h", **values}
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda found: values[found[1] or found[2]], text)
