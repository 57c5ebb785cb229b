"""The request log without a disk, for tests and dry runs; it may outlive an engine."""

from __future__ import annotations

from collections.abc import Iterator

from perfd.interfaces import LogRecord, Signal


class MemoryLog:
    """Records by position, until the store has what is in them."""

    def __init__(self, after: int = -1) -> None:
        self._records: dict[int, LogRecord] = {}
        self._next = after + 1

    @property
    def size(self) -> int:
        """Bytes of the bodies that are held."""
        return sum(len(record.body) for record in self._records.values())

    def append(
        self, signal: Signal, media: str, encoding: str, received_at: float, body: bytes
    ) -> int:
        """Keep one record and return its position."""
        position = self._next
        record = LogRecord(position, signal, media, encoding, received_at, body)
        self._records[position] = record
        self._next += 1
        return position

    async def durable(self, position: int) -> None:
        """As durable as memory is."""

    def replay(self, after: int) -> Iterator[LogRecord]:
        """Records behind a position that were there when this was called, one at a time."""
        yield from [record for at, record in self._records.items() if at > after]

    def forget(self, upto: int) -> None:
        """Let go of all records at or before a position."""
        self._records = {at: record for at, record in self._records.items() if at > upto}

    def close(self) -> None:
        """Nothing is held open; another engine may read on."""
