"""The smallest change that each metric of an operation would have shown, at its traffic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from perfd.detect import measures
from perfd.detect.budget import Share
from perfd.detect.least import Place, least_changes
from tests.bench.deploy_rows import FRESH, FULL, PLACES, PROMISED
from tests.bench.deploy_world import DEPLOYED, MINUTE, Shape, simulate

DEPLOYS = 10
METRICS = (measures.LATENCY_MEAN, measures.LATENCY_P95, measures.ERROR_RATE)


def smallest(seed: int) -> Iterator[str]:
    """Medians over a few deploys: what is seen nine times in ten, at the second look."""
    for name, shape in (("a day of history", FULL), ("no history", FRESH)):
        found = [_by_name(shape, seed + number) for number in range(DEPLOYS)]
        yield f"smallest change seen 9 times in 10 after 40 minutes, {name}:"
        for level, place in PLACES.items():
            cells = (f"{metric} {_middle(found, f'GET /{place}', metric)}" for metric in METRICS)
            yield f"  {level:5.0f} requests/min: {', '.join(cells)}"
        yield f"  the service: {measures.CPU} {_middle(found, '', measures.CPU)}"


def _by_name(shape: Shape, seed: int) -> dict[Place, float]:
    """The smallest change of each operation and metric, at the second look."""
    case = replace(simulate(shape, seed), end=DEPLOYED + shape.after * MINUTE, looks=1)
    return least_changes(replace(case, share=Share(PROMISED)))


def _middle(found: list[dict[Place, float]], operation: str, metric: str) -> str:
    ratios = [one[operation, metric] for one in found if (operation, metric) in one]
    if not ratios:
        return "-"
    least = median(ratios)
    return (
        f"+{100.0 * least:.2g} points" if metric == measures.ERROR_RATE else f"x{1.0 + least:.3f}"
    )
