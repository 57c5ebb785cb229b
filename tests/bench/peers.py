"""The peers (apache-otava, ruptures): called in an environment of their own, `make peers`.

They never come into perfd's: they pin another numpy, and bring scipy. Series go in and change
points come out as JSON, through a subprocess of that environment.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-peers" / "bin" / "python"
PATIENCE = 1800.0  # s

Options = Mapping[str, float | str]


class NoPeers(Exception):
    """Their environment is not there, or does not work."""


def change_points(
    method: str, options: Options, series: Sequence[Sequence[float]], python: Path = PYTHON
) -> list[list[int]]:
    """The first index of each new level, for each series; methods are those of peers_inside.py."""
    if not python.exists():
        raise NoPeers(f"{python} is not there; `make peers` creates it")
    job = json.dumps({"method": method, "options": dict(options), "series": list(series)})
    done = subprocess.run(
        [str(python), str(HERE / "peers_inside.py")],
        input=job,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise NoPeers(f"{method}: {done.stderr.strip().splitlines()[-1:]}")
    found: list[list[int]] = json.loads(done.stdout)
    return found
