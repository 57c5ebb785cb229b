"""What is asked of a Prometheus: which query, of which kind, at which points in time."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

from perfd.commands.series_points import SHARES
from perfd.errors import BadInput

DAY = 86_400.0
STEP = 300.0  # s, unless the query itself looks back over a longer time
LONGEST_STEP = 3600.0
LOOKS_BACK = re.compile(r"\[(\d+)([smhd])[\]:]")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}
LATENCIES = ("histogram_quantile", "latency", "duration", "_seconds")
COUNTS = "--query 'increase(failed_total[5m])' --of 'increase(requests_total[5m])'"


@dataclass(frozen=True, slots=True)
class Question:
    """`query`, or for a share `query` of `whole`, every `step` of the `length` seconds to `end`."""

    query: str
    whole: str
    kind: str
    length: float
    step: float
    end: float

    @classmethod
    def of(cls, args: argparse.Namespace, now: float) -> Question:
        """From options; what is left open is read from the query. Raises BadInput."""
        if not args.query:
            raise BadInput("--prometheus needs --query")
        kind = args.kind or ("ratio" if args.of else kind_of(args.query))
        if kind in SHARES and not args.of:
            raise BadInput(f"--kind {kind} counts k of n, two queries: {COUNTS}")
        if args.of and kind not in SHARES:
            raise BadInput(f"--of belongs to --kind share or ratio, not {kind}")
        step = args.step or step_of(args.query)
        if args.days < step:
            raise BadInput("--days: not as long as a step")
        return cls(args.query, args.of or "", kind, args.days, step, now)

    @property
    def span(self) -> tuple[float, float]:
        """First and last point, on whole steps, so that asking again asks for the same points."""
        last = self.end // self.step * self.step
        return last - (self.length // self.step - 1.0) * self.step, last


def kind_of(query: str) -> str:
    """A latency where the query speaks of one; else a gauge. Both are levels to the scan."""
    return "latency" if any(word in query for word in LATENCIES) else "gauge"


def step_of(query: str) -> float:
    """As long as the query looks back, so that every moment is seen once; five minutes at least."""
    longest = max(
        (int(number) * UNITS[unit] for number, unit in LOOKS_BACK.findall(query)), default=0
    )
    return min(max(float(longest), STEP), LONGEST_STEP)


def scale_of(query: str, step: float) -> float:
    """Counts in a step for one of the query's own unit: a rate is told per second."""
    return step if "rate(" in query and "increase(" not in query else 1.0
