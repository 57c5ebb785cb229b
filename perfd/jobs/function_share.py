"""Measures the share of a ticket's function under a version, for the verdict on a fix."""

from __future__ import annotations

import numpy as np

from perfd.detect.functions.findings import SELF
from perfd.detect.functions.table import busiest, sampled
from perfd.detect.profile_side import Paths
from perfd.detect.scan.binomial import dispersion
from perfd.detect.tails import NORMAL_95
from perfd.interfaces import Store
from perfd.model.batch import FINDING
from perfd.model.finding import Estimate, Finding
from perfd.model.profile import Function, ProfileWindow, Symbols
from perfd.model.ticket import Ticket
from perfd.model.times import floor_to
from perfd.tickets.codec import decode

HOUR = 3600.0
FEWEST = 3  # hours, to know how much the share varies between them


class FunctionShares:
    """Of complete hours (divided by pace); a measurement is kept until the next one is."""

    def __init__(self, store: Store, pace: float) -> None:
        self._store, self._width = store, HOUR / pace
        self._last: dict[str, tuple[tuple[str, float, float], Estimate | None]] = {}

    def measure(self, ticket: Ticket, version: str, start: float, end: float) -> Estimate | None:
        """The share between two times under a version (any, where it is empty)."""
        asked = version, start, floor_to(end, self._width)
        held = self._last.get(ticket.id)
        if held is None or held[0] != asked:
            held = self._last[ticket.id] = asked, self._measure(ticket, *asked)
        return held[1]

    def _measure(self, ticket: Ticket, version: str, start: float, end: float) -> Estimate | None:
        found = self._store.document(FINDING, ticket.finding_ids[0])
        if found is None:
            return None
        label = decode(Finding, found.body).series.label
        function = Function(label.get("resource", ""), label.get("file", "")).id
        cells = []
        at = floor_to(start, self._width)
        while at < end:
            windows = self._read(ticket, version, max(at, start), min(at + self._width, end))
            cells.append(self._count(windows, function, own=label.get("of") == SELF))
            at += self._width
        return _estimate(np.array(cells), (start, end), version)

    def _read(self, ticket: Ticket, version: str, start: float, end: float) -> list[ProfileWindow]:
        labels = {"service": ticket.service, "environment": ticket.environment}
        labels |= {"version": version} if version else {}
        windows = sampled(self._store.profiles(labels, start, end))
        return sampled(windows, busiest(windows))

    def _count(
        self, windows: list[ProfileWindow], function: int, *, own: bool
    ) -> tuple[float, float]:
        """Samples of the function, and all of them."""
        symbols: Symbols = self._store.symbols({n for w in windows for n in w.weights})
        paths = Paths(symbols)
        mine = whole = 0
        for window in windows:
            for node, weight in window.weights.items():
                whole += weight.hits
                held = paths.leaf(node) == function if own else function in paths.on(node)
                mine += weight.hits if held else 0
        return float(mine), float(whole)


def _estimate(cells: np.ndarray, span: tuple[float, float], version: str) -> Estimate | None:
    """With the noise between hours; None where there are too few of them."""
    told = cells[cells[:, 1] > 0.0] if len(cells) else cells
    if len(told) < FEWEST:
        return None
    k, n = told[:, 0], told[:, 1]
    whole = float(n.sum())
    rate = float(k.sum()) / whole
    p = (float(k.sum()) + 0.5) / (whole + 1.0)
    excess = float(dispersion(k[None], n[None], np.full((1, len(n)), p))[0])
    pearson = float(((k - n * p) ** 2 / (n * p * (1.0 - p))).sum()) / (len(n) - 1)
    reach = NORMAL_95 * (max(excess, pearson) * p * (1.0 - p) / whole) ** 0.5
    return Estimate(
        rate, (max(rate - reach, 0.0), min(rate + reach, 1.0)), int(whole), *span, version
    )
