"""Runs the checkers that come with the development requirements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def run(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command of this environment, or of the system if its path is given."""
    path = command if "/" in command else str(Path(sys.executable).parent / command)
    return subprocess.run(
        [path, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def documents(file: Path) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return [document for document in yaml.safe_load_all(file.read_text()) if document]
