"""One bad instance: slower than its peers of the same version, as it was not before.

Each instance is compared with the others of its version over the same minutes, so that whatever
they share (load, a slow database, the time of the day) is no difference; and with what it differed
from them before, since one that always has other requests always differs. Blocks of five minutes
are longer than what noise remembers, so their means are nearly independent.

What comes of it is a finding that is not opened: the program is the same on the peers, no deploy
could be said to fix it, and restarting or moving an instance is not a developer's work. It takes
nothing from the false-alarm budget for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perfd.detect.tails import student_quantile, student_tail
from perfd.model.series import OVERFLOW, STEADY, UNKNOWN
from perfd.model.window import Window

BLOCK = 300.0  # seconds, divided by pace
AFTER, BEFORE = 6, 12  # blocks: half an hour against the hour before it
FEWEST_REQUESTS = 10  # in a block, of an instance and of its peers
FEWEST_BEFORE = 3  # blocks; with fewer an instance is new, and has only its peers
FEWEST_PEERS = 3  # of a new one
APART = 0.05  # sd of ln(latency) between instances that are as they should be
FLOOR = math.log(1.2)
P = 1e-5  # a look every five minutes at a hundred instances: one by chance in several weeks
PERHAPS = 1e-2  # as likely and half as large: is counted, and not told
REMEMBERS = 1.5  # by which neighbouring blocks that are alike narrow the spread of their means
KEPT = 0.5  # of the shift, in every block but one
MOST = 1.0 / 3.0  # of the instances; more than that is not about an instance

Array = NDArray[np.float64]
Name = tuple[str, str]  # version and instance


class Excess(NamedTuple):
    """By how much one got slower than its peers: `before` and `after` are means of ln(seconds).

    `shift` is beyond what it differed from them before, with its 95 % interval; `requests`
    are its own since, and `kept` whether all but one block since show it.
    """

    shift: float
    low: float
    high: float
    p: float
    before: float
    after: float
    requests: int
    kept: bool

    @property
    def sure(self) -> bool:
        """Beyond doubt, and large enough to be told."""
        return self.shift >= FLOOR and self.p <= P and self.kept


@dataclass(frozen=True, slots=True)
class BadInstance:
    """An instance, how many others run its version, and since when it is bad."""

    version: str
    instance: str
    peers: int
    since: float
    excess: Excess


class InstanceWatch:
    """The instances of one service in one environment, block by block; `pace` divides a block."""

    def __init__(self, pace: float) -> None:
        self._block = BLOCK / pace
        self._blocks: dict[Name, dict[int, tuple[float, float]]] = {}
        self._last: int | None = None
        self._bad: set[Name] = set()

    def see(self, start: float, windows: Iterable[Window]) -> list[BadInstance]:
        """Take in windows that begin at `start`; what a block that is now whole reveals.

        An instance is told of once, and again when it had recovered.
        """
        number = round(start // self._block)
        found = self._told(number) if self._last is not None and number > self._last else []
        self._last = number
        for window in windows:
            self._add(number, window)
        return found

    def _add(self, number: int, window: Window) -> None:
        label = window.series.label
        name = label.get("version", UNKNOWN), label.get("instance", UNKNOWN)
        measured = window.histogram.count - window.histogram.zeros
        if label.get("phase", STEADY) != STEADY or name[1] in (UNKNOWN, OVERFLOW) or not measured:
            return
        blocks = self._blocks.setdefault(name, {})
        n, total = blocks.get(number, (0.0, 0.0))
        blocks[number] = n + measured, total + window.histogram.log_total

    def _told(self, number: int) -> list[BadInstance]:
        self._forget(number - AFTER - BEFORE)
        bad = {(b.version, b.instance): b for b in self._judge(number)}
        new = [b for name, b in bad.items() if name not in self._bad and b.excess.sure]
        self._bad = {name for name in bad if name in self._bad} | {
            (b.version, b.instance) for b in new
        }
        return new

    def _forget(self, oldest: int) -> None:
        for name, blocks in list(self._blocks.items()):
            self._blocks[name] = {n: held for n, held in blocks.items() if n >= oldest}
            if not self._blocks[name]:
                del self._blocks[name]

    def _judge(self, number: int) -> list[BadInstance]:
        """All versions, from the blocks before `number`."""
        found = []
        for version in sorted({v for v, _ in self._blocks}):
            names = sorted(i for v, i in self._blocks if v == version)
            bad = self._of_version(version, names, number)
            if bad and len(bad) <= max((bad[0].peers + 1) * MOST, 1.0):
                found += bad
        return found

    def _of_version(self, version: str, names: Sequence[str], number: int) -> list[BadInstance]:
        first = number - AFTER - BEFORE
        table = np.zeros((2, len(names), AFTER + BEFORE))
        for row, name in enumerate(names):
            for at, held in self._blocks[version, name].items():
                if first <= at < number:
                    table[:, row, at - first] = held
        since, peers = (number - AFTER) * self._block, _serving(table) - 1
        return [
            BadInstance(version, name, peers, since, excess)
            for row, name in enumerate(names)
            if (excess := _excess(table, row)) is not None
        ]


def _serving(table: Array) -> int:
    """Instances that served since the change."""
    return int((table[0, :, BEFORE:].sum(axis=1) > 0).sum())


def _excess(table: Array, row: int) -> Excess | None:
    """By how much the instance of a row is worse; None where it hardly is, or too little known."""
    n, totals = table[0, row], table[1, row]
    peers_n, peers = table[0].sum(axis=0) - n, table[1].sum(axis=0) - totals
    held = (n >= FEWEST_REQUESTS) & (peers_n >= FEWEST_REQUESTS)
    difference = np.full(n.shape, np.nan)
    difference[held] = totals[held] / n[held] - peers[held] / peers_n[held]
    old, new = difference[:BEFORE][held[:BEFORE]], difference[BEFORE:][held[BEFORE:]]
    if len(new) < AFTER:
        return None
    if len(old) < FEWEST_BEFORE and _serving(table) - 1 < FEWEST_PEERS:
        return None
    usual, variance, freedom = _usual(old, new)
    shift = float(new.mean()) - usual
    p = student_tail(shift / math.sqrt(variance), freedom)
    level = float(totals[BEFORE:].sum() / n[BEFORE:].sum())
    if shift < FLOOR / 2.0 or p > PERHAPS or level - _own(n, totals) < KEPT * shift:
        return None
    reach = student_quantile(0.975, freedom) * math.sqrt(variance)
    ends = shift - reach, shift + reach
    kept = int((new - usual >= KEPT * shift).sum()) >= AFTER - 1
    return Excess(shift, *ends, p, level - shift, level, int(n[BEFORE:].sum()), kept)


def _own(n: Array, totals: Array) -> float:
    """Its own level before: it must have got slower itself, and not only its peers faster."""
    held = n[:BEFORE] >= FEWEST_REQUESTS
    if int(held.sum()) < FEWEST_BEFORE:
        return -math.inf
    return float(totals[:BEFORE].sum() / n[:BEFORE].sum())


def _usual(old: Array, new: Array) -> tuple[float, float, float]:
    """What the instance differed from its peers before; the variance of the shift, its freedom."""
    spread = float(((new - new.mean()) ** 2).sum())
    if len(old) < FEWEST_BEFORE:
        freedom = len(new) - 1.0
        noise = REMEMBERS * spread / freedom / len(new)
        variance = noise + APART**2
        return 0.0, variance, freedom * (variance / noise) ** 2 if noise > 0.0 else math.inf
    freedom = len(new) + len(old) - 2.0
    spread += float(((old - old.mean()) ** 2).sum())
    each = REMEMBERS * spread / freedom
    return float(old.mean()), max(each * (1.0 / len(new) + 1.0 / len(old)), 1e-12), freedom
