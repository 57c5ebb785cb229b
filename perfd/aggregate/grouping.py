"""A delivery's spans by the bytes that decide their series, so that these are looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from perfd.aggregate.clues import Layout, is_entry
from perfd.aggregate.grid import Grid
from perfd.aggregate.operation import Clue, Operation, operation_of
from perfd.interfaces import Meter
from perfd.model.span import CONSUMER, SERVER, Span
from perfd.model.text import MARK

_MEMO = 10_000  # clues whose operation is remembered
_MEMO_BYTES = 1_024  # of a clue's name; one with a longer name is decoded each time


class GroupKey(NamedTuple):
    """The number of the base window in which the spans ended, and what decides the operation."""

    window: int
    clue: Clue


def grouped(spans: Iterable[Span], grid: Grid) -> tuple[dict[GroupKey, list[Span]], list[Span]]:
    """The entry spans, grouped, and all others, which are nobody's requests."""
    numerator, denominator = grid.numerator, grid.denominator
    clues = Layout().clues
    groups: dict[tuple[int, int, bytes, bytes, tuple[bytes, ...]], list[Span]] = {}
    rest: list[Span] = []
    for span in spans:
        kind = span.kind
        if kind not in (SERVER, CONSUMER) and not is_entry(span, kind):
            rest.append(span)
            continue
        index = span.end_time_unix_nano * denominator // numerator
        key = (index, kind, span.name, span.status, clues(span, kind))
        group = groups.get(key)
        if group is None:
            groups[key] = [span]
        else:
            group.append(span)
    return {GroupKey(key[0], Clue(*key[1:])): group for key, group in groups.items()}, rest


class Operations:
    """Operations by their clue, decoded once for equal bytes."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._memo: dict[Clue, Operation] = {}

    def of(self, clue: Clue) -> Operation:
        """The operation that these bytes say."""
        operation = self._memo.get(clue)
        if operation is None:
            operation = operation_of(clue)
            if operation.name.endswith(MARK):
                self._meter.count("perfd_truncated", signal="traces", what="operation")
            if len(clue.name) + sum(map(len, clue.attributes)) <= _MEMO_BYTES:
                if len(self._memo) >= _MEMO:
                    self._memo.clear()
                self._memo[clue] = operation
        return operation
