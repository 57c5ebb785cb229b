"""How far an agent has got: which of its rows the centre has, and which go next.

The centre's answer is the only truth: nothing about it is stored here, so an agent that starts, or
one whose centre has lost its disk, takes up where the centre says. Rows are read in the order in
which they were written. Those of a minute that is still open are held back until it is closed; the
revision up to which the centre has everything stays below the oldest of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfd.model.partial import Partial, Receipt
from perfd.model.series import Series

# A body is about this large before it is compressed; more rows make more bodies.
BODY_SIZE = 1024 * 1024
_ROW, _BUCKET, _STACK, _EXEMPLAR = 80, 6, 14, 4096  # bytes, about

Place = tuple[type, bool, Series, float]


class Load(NamedTuple):
    """Rows for one body, and the revision up to which the centre then has everything."""

    partials: tuple[Partial, ...]
    upto: int


class Ledger:
    """One agent's view of one centre; `accepted` is None before its first answer."""

    def __init__(self) -> None:
        self.accepted: int | None = None
        self._centre: int | None = None
        self._read = -1
        self._held: dict[Place, Partial] = {}

    @property
    def read(self) -> int:
        """Rows after this revision were not read from the store yet."""
        return self._read

    @property
    def held(self) -> int:
        """How many rows wait for the end of their minute."""
        return len(self._held)

    def loads(self, page: Sequence[Partial], closed: float) -> list[Load]:
        """At least one body: the rows that were read, and those held whose minute is now closed.

        Minutes that begin before `closed` take hardly any more. A row that is written again was
        read again, so what is held is never older than what is in the store.
        """
        for partial in page:
            self._held[_place(partial)] = partial
            self._read = max(self._read, partial.revision)
        ready = [p for p in self._held.values() if p.item.start < closed]
        for partial in ready:
            del self._held[_place(partial)]
        return self._split(sorted(ready, key=lambda p: p.revision))

    def receive(self, receipt: Receipt) -> bool:
        """Take an answer in; False when the centre does not know what it knew before.

        Then everything after what it does know has to be read again.
        """
        known = self.accepted
        same = known is not None and receipt.centre == self._centre and receipt.accepted >= known
        self.accepted, self._centre = receipt.accepted, receipt.centre
        if not same:
            self.begin_again()
        return same

    def begin_again(self) -> None:
        """Forget what was read and may not have arrived."""
        self._read = -1 if self.accepted is None else self.accepted
        self._held.clear()

    def _split(self, ready: Sequence[Partial]) -> list[Load]:
        """Each body but the last ends below the first row of the next."""
        groups: list[list[Partial]] = [[]]
        room = BODY_SIZE
        for partial in ready:
            room -= size_of(partial)
            if room < 0 and groups[-1]:
                groups.append([])
                room = BODY_SIZE - size_of(partial)
            groups[-1].append(partial)
        safe = min((p.revision for p in self._held.values()), default=self._read + 1) - 1
        ends = [*(group[0].revision - 1 for group in groups[1:]), safe]
        return [Load(tuple(group), min(safe, end)) for group, end in zip(groups, ends, strict=True)]


def size_of(partial: Partial) -> int:
    """About how many bytes a row takes before compression."""
    item = partial.item
    stacks = len(getattr(item, "weights", ()))
    exemplars = len(getattr(item, "exemplars", ()))
    buckets = len(item.histogram.buckets) if hasattr(item, "histogram") else 0
    return _ROW + _BUCKET * buckets + _STACK * stacks + _EXEMPLAR * exemplars


def halves(load: Load) -> list[Load]:
    """A load that was too large, as two; only with the second does the centre have all of it."""
    middle = len(load.partials) // 2
    first, second = load.partials[:middle], load.partials[middle:]
    upto = min(load.upto, second[0].revision - 1)
    return [Load(first, upto), Load(second, load.upto)]


def _place(partial: Partial) -> Place:
    item = partial.item
    return type(item), bool(getattr(item, "exemplars", ())), item.series, item.start


def nodes_of(partials: Iterable[Partial]) -> set[int]:
    """The leaves of all stacks."""
    return {node for p in partials for node in getattr(p.item, "weights", ())}
