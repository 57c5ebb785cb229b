"""What would not be seen of a service, and what would help; nothing passes in silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from perfd.detect import measures
from perfd.detect.detectability.trials import CHANCE
from perfd.model.detectability import BlindSpot, Detectable
from perfd.model.series import UNKNOWN

GREATEST = 0.5  # a step that is greater than this part need not be asked for
TIME = "time: it is measured again every day"
PATIENCE = "patience: a step is the surer the longer it lasts; or more even traffic"
_QUANTILES = frozenset(measures.QUANTILES)


def blind_spots(
    environment: str, rows: Sequence[Detectable], versions: Iterable[str]
) -> tuple[BlindSpot, ...]:
    """Of one service in one environment, from what was measured and the versions it names."""
    own = [row for row in rows if row.environment == environment]
    return (*_of_service(environment, own, versions), *_of_operations(own))


def _of_service(
    environment: str, rows: Sequence[Detectable], versions: Iterable[str]
) -> Iterator[BlindSpot]:
    if not set(versions) - {UNKNOWN, ""}:
        yield BlindSpot(
            environment,
            "",
            (),
            "its telemetry names no version: a deploy is seen only where all instances restart",
            "the resource attribute service.version, or POST /api/v1/deploys",
        )
    if not any(row.metric == measures.CPU for row in rows):
        yield BlindSpot(
            environment,
            "",
            (measures.CPU,),
            "CPU seconds of its processes are not known",
            "the resource attribute process.pid or container.id, and perfd on the same machine",
        )


def _of_operations(rows: Sequence[Detectable]) -> Iterator[BlindSpot]:
    """One line for all metrics of an operation that are blind for the same reason."""
    alike: defaultdict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.smallest is None:
            reason, help_ = _why(row, rows)
            alike[row.environment, row.operation, reason, help_].append(row.metric)
    for (environment, operation, reason, help_), metrics in alike.items():
        yield BlindSpot(environment, operation, tuple(metrics), reason, help_)


def _why(row: Detectable, rows: Sequence[Detectable]) -> tuple[str, str]:
    if "of history" in row.reason:
        return row.reason, TIME
    if row.obstacle not in ("", CHANCE):
        return f"{_not_caught()}: {row.obstacle} stood in the way", PATIENCE
    reason = row.reason or _not_caught()
    other = _seen_beside(row, rows)
    if row.metric in _QUANTILES and other is not None:
        return (
            reason,
            f"its mean latency, of which {other * 100:.2g} % would be seen; or more traffic",
        )
    return reason, f"more traffic: it has {row.requests:,.0f} requests a day"


def _not_caught() -> str:
    return f"no step of up to {GREATEST * 100:.0f} % was caught within a day"


def _seen_beside(row: Detectable, rows: Sequence[Detectable]) -> float | None:
    """What would be seen of the mean latency of the same operation."""
    return next(
        (
            one.smallest
            for one in rows
            if (one.environment, one.operation) == (row.environment, row.operation)
            and one.metric == measures.LATENCY_MEAN
        ),
        None,
    )
