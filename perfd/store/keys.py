"""One integer key for (minute or hour, stream): time first, so that new rows go to the end."""

from __future__ import annotations

from collections.abc import Iterable

SLOT_BITS = 31
_SLOTS = (1 << SLOT_BITS) - 1


def key(number: int, slot: int) -> int:
    """The key of a stream's row; 63 bits as long as `number` has 32."""
    return number << SLOT_BITS | slot


def number_of(key: int) -> int:
    """The minute or hour."""
    return key >> SLOT_BITS


def slot_of(key: int) -> int:
    """The stream."""
    return key & _SLOTS


def bounds(numbers: range) -> tuple[int, int]:
    """The first key of an interval, and the first behind it."""
    return numbers.start << SLOT_BITS, numbers.stop << SLOT_BITS


def grid(numbers: Iterable[int], slots: Iterable[int]) -> list[int]:
    """The keys of all these streams at all these times, sorted."""
    slots = sorted(slots)
    return [number << SLOT_BITS | slot for number in numbers for slot in slots]
