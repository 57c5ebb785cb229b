"""The scan of all functions of a service: which shares rose, since when, beyond chance.

Self and total samples are scanned as series of their own. The chance that any of them is found
where nothing changed is what the service's budget gives to one scan, shared by all (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from perfd.detect.functions.settings import FunctionSettings
from perfd.detect.functions.table import Array, FunctionTable, Ids
from perfd.detect.scan.settings import ScanSettings
from perfd.detect.scan.shares import Shares
from perfd.detect.scan.track import Seen
from perfd.detect.scan.walk import Walk, ends

SAMPLES = 50.0  # of a function on one side at least; fewer say nothing
EVERY = 6  # cells between two evaluations
MATURITY = 168  # cells: a week, since with less a weekend may look like a change


@dataclass(frozen=True, slots=True)
class Found:
    """A share that changed; `function` is a row of the table, `own` says that self is meant."""

    function: int
    own: bool
    seen: Seen


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one evaluation saw: confirmed changes and those still waiting for confirmation.

    Of `functions`, `silent` had too few samples to say anything; `alpha` was the threshold of one.
    """

    confirmed: tuple[Found, ...]
    suspected: tuple[Found, ...]
    functions: int
    silent: int
    alpha: float


def operating_point(
    functions: FunctionSettings, alpha: float, tests: int, maturity: int = MATURITY
) -> ScanSettings:
    """The scan's settings for `tests` series that may be wrong `alpha` of the time together.

    `maturity` is how many cells must have profiles before anything is said.
    """
    base = ScanSettings()
    return msgspec.structs.replace(
        base,
        alpha=min(base.alpha, alpha / max(tests, 1)),
        fewest=min(max(maturity, 2 * base.least + 1), base.window),
        floor=functions.floor,
    )


def scan(
    table: FunctionTable,
    settings: FunctionSettings,
    alpha: float,
    *,
    maturity: int = MATURITY,
    every: int = EVERY,
    deploys: Sequence[int] = (),
    since: Mapping[tuple[int, bool], int] | None = None,
) -> Scanned:
    """The evaluation at the table's last cell; those that confirmation needs are replayed.

    `since` says from which cell on a row of the table (own or total) counts, after an older change.
    """
    enough = np.nansum(table.total, axis=1) >= 2.0 * SAMPLES
    rows = np.flatnonzero(enough)
    if len(rows) == 0:
        return Scanned((), (), len(table.functions), len(table.functions), 0.0)
    k = np.concatenate([table.own[rows], table.total[rows]])
    for (row, own), first in (since or {}).items():
        place = np.flatnonzero(rows == row) + (0 if own else len(rows))
        k[place, :first] = np.nan
    n = np.broadcast_to(table.samples, k.shape)
    point = operating_point(settings, alpha, len(k), maturity)
    near = dict.fromkeys(range(len(k)), tuple(deploys))
    walk = Walk(Shares(k, n, point), point, near if deploys else None)
    looks = ends(table.cells, every, point, whole=False)
    for end in looks:
        walk.look(end, decide=end == looks[-1])
    return Scanned(
        tuple(f for seen in walk.confirmed if (f := _found(seen, rows, k))),
        tuple(f for seen in walk.pending.values() if (f := _found(seen, rows, k))),
        len(table.functions),
        len(table.functions) - len(rows),
        point.alpha,
    )


def _found(seen: Seen, rows: Ids, k: Array) -> Found | None:
    """None where neither side has samples enough."""
    at = seen.step.at
    counts = k[seen.series]
    if max(float(np.nansum(counts[:at])), float(np.nansum(counts[at:]))) < SAMPLES:
        return None
    row = seen.series % len(rows)
    return Found(int(rows[row]), seen.series < len(rows), seen)
