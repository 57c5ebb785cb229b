"""Streams: a series of one kind as one writer sees it, by a small number that rows carry as key.

All of them are held in memory with an index by label, so that a question about a service touches
only its own rows.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from sys import intern
from weakref import WeakValueDictionary

import msgspec

from perfd.errors import Corrupt
from perfd.interfaces import Labels
from perfd.model.series import Series
from perfd.store.damage import Damage
from perfd.store.increments import Kind
from perfd.store.seal import seal, unseal


@dataclass(slots=True)
class Stream:
    """`seen` is the last hour that it has rows in; `foreign` says that another store wrote them."""

    slot: int
    kind: Kind
    writer: int
    series: Series
    seen: int
    foreign: bool = False


class _Body(msgspec.Struct, array_like=True):
    kind: Kind
    writer: int
    name: str
    labels: list[tuple[str, str]]
    seen: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode

Posting = tuple[Kind, str, str, str]  # kind, series name, label, value; ("", "") for every series


class Streams:
    """The table `stream` and its image in memory. Written only inside a writer's transaction."""

    def __init__(self, writer: int, damage: Damage) -> None:
        self._writer = writer
        self._damage = damage
        self._lock = threading.Lock()
        self._next = 1
        self.by_slot: dict[int, Stream] = {}  # for reading only
        self._by_series: dict[tuple[Kind, int, Series], Stream] = {}
        self._known: WeakValueDictionary[int, Series] = WeakValueDictionary()
        self._postings: defaultdict[Posting, set[int]] = defaultdict(set)

    def load(self, connection: sqlite3.Connection) -> None:
        """Read the table; also after a transaction that failed."""
        rows = connection.execute("SELECT slot, body FROM stream").fetchall()
        with self._lock:
            self._clear()
            self._next = max((slot for slot, _ in rows), default=0) + 1
            for slot, sealed in rows:
                try:
                    self._add(self._stream(slot, unseal(sealed, slot)))
                except Corrupt:
                    self._damage.report("stream", slot)

    def slot(
        self,
        connection: sqlite3.Connection,
        kind: Kind,
        series: Series,
        hour: int,
        writer: int | None = None,
    ) -> int:
        """The number of a stream, of this store's own unless a writer is named; new if need be."""
        writer = self._writer if writer is None else writer
        held = self._by_series.get((kind, writer, series))
        if held is not None and held.seen >= hour:
            return held.slot
        with self._lock:
            if held is None:
                held = Stream(self._next, kind, writer, self._shared(series), hour)
                self._next += 1
                self._add(held)
            held.seen = hour
        connection.execute(
            "INSERT OR REPLACE INTO stream (slot, body) VALUES (?, ?)",
            (held.slot, seal(_body(held), held.slot)),
        )
        return held.slot

    def series(self, name: str, labels: Labels) -> list[Series]:
        """The series of that name with at least these labels, of whatever kind."""
        found = {s.series for kind in Kind for s in self.match(kind, name, labels).values()}
        return sorted(found, key=lambda series: series.labels)

    def match(self, kind: Kind, name: str, labels: Labels) -> dict[int, Stream]:
        """Streams of a kind whose series has that name and at least these labels."""
        with self._lock:
            found = self._postings.get((kind, name, "", ""), set())
            for label, value in labels.items():
                found = found & self._postings.get((kind, name, label, value), set())
            return {slot: self.by_slot[slot] for slot in found}

    def forget(self, connection: sqlite3.Connection, kind: Kind, before: int) -> None:
        """Drop the streams of a kind that were last seen before an hour."""
        with self._lock:
            slots = [s.slot for s in self.by_slot.values() if s.kind == kind and s.seen < before]
            for slot in slots:
                self._remove(self.by_slot[slot])
        connection.executemany("DELETE FROM stream WHERE slot = ?", ((slot,) for slot in slots))

    def _stream(self, slot: int, body: bytes) -> Stream:
        b = _decode(body)
        series = self._shared(Series(b.name, tuple(b.labels)))
        return Stream(slot, b.kind, b.writer, series, b.seen)

    def _shared(self, series: Series) -> Series:
        """One object for a series, however many writers have it: pods come and go."""
        held = self._known.get(series.id)
        if held != series:
            held = self._known[series.id] = _interned(series)
        return held

    def _clear(self) -> None:
        self.by_slot.clear()
        self._by_series.clear()
        self._postings.clear()

    def _add(self, stream: Stream) -> None:
        stream.foreign = stream.writer != self._writer
        self.by_slot[stream.slot] = stream
        self._by_series[stream.kind, stream.writer, stream.series] = stream
        for posting in _postings(stream):
            self._postings[posting].add(stream.slot)

    def _remove(self, stream: Stream) -> None:
        del self.by_slot[stream.slot]
        del self._by_series[stream.kind, stream.writer, stream.series]
        for posting in _postings(stream):
            held = self._postings[posting]
            held.discard(stream.slot)
            if not held:
                del self._postings[posting]


def _postings(stream: Stream) -> Iterable[Posting]:
    kind, name = stream.kind, stream.series.name
    return ((kind, name, label, value) for label, value in (("", ""), *stream.series.labels))


def _interned(series: Series) -> Series:
    """Label values repeat over thousands of series; each is kept once."""
    labels = tuple((intern(str(key)), intern(str(value))) for key, value in series.labels)
    return Series(intern(str(series.name)), labels)


def _body(stream: Stream) -> bytes:
    series = stream.series
    return _encode(_Body(stream.kind, stream.writer, series.name, list(series.labels), stream.seen))
