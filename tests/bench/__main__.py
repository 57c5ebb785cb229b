"""`make bench`: every figure that perfd claims, each printed by the command that measures it.

`python -m tests.bench` runs all; `python -m tests.bench ingest disk` some. A bench is a module with
`main(argv) -> int` and says in its first line what it measures.
"""

from __future__ import annotations

import importlib
import sys

BENCHES = (
    "ingest",
    "receive",
    "profiles",
    "daemon",
    "disk",
    "pages",
    "deploys",
    "detection",
    "scan",
    "share_scan",
    "trends",
    "around",
    "backtest",
    "canary",
    "agents",
    "topologies",
    "loads",
    "hosts",
    "telemetry",
)


def main(names: list[str]) -> int:
    """Run the named benches, or all; the exit code is the worst."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no bench {', '.join(unknown)}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    worst = 0
    for name in names or BENCHES:
        print(f"\n== {name}", flush=True)
        worst = max(worst, importlib.import_module(f"tests.bench.{name}").main([]))
    return worst


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
