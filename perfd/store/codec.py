"""What a kind of row must offer to be stored: a row while it is hot, an hour once it is packed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from perfd.model.series import Series
from perfd.store.roll import Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cut:
    """What is wanted of an hour that begins with minute `first`: `numbers`, by `step` minutes."""

    first: int
    numbers: range
    step: int = 1


class Codec(Protocol[T]):
    """Bodies without their checksums. Items come back without a place (start and width 0)."""

    def encode(self, item: T) -> bytes:
        """One partial."""
        ...

    def decode(self, series: Series, body: bytes) -> T:
        """The partial again."""
        ...

    def total(self, series: Series, bodies: Sequence[bytes]) -> T:
        """Several partials of one series, merged."""
        ...

    def pack(self, rows: Sequence[tuple[int, T]]) -> bytes:
        """The rows of one stream and hour as (minute of the hour, partial), sorted by minute."""
        ...

    def unpack(self, series: Series, body: bytes, cut: Cut) -> Iterable[Row[T]]:
        """The rows that are wanted; those of one step may come merged."""
        ...
