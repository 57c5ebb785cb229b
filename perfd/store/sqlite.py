"""The default store: one SQLite file, safe against kill -9, power cuts and flipped bits.

Minutes are rows while they are hot and hour chunks afterwards. A batch and the log position that it
reaches are one transaction, so an acknowledged item is counted exactly once.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from perfd.errors import BadInput, Corrupt, StoreError
from perfd.interfaces import Clock, Labels, Meter
from perfd.model.batch import Batch, Document
from perfd.model.partial import Partial
from perfd.model.profile import PROFILE, ProfileWindow, Symbols
from perfd.model.series import Series
from perfd.model.window import Gauge, Window
from perfd.store import keys, state
from perfd.store.aside import Aside
from perfd.store.damage import Damage
from perfd.store.dictionary import Dictionary
from perfd.store.documents import Documents
from perfd.store.floors import Floors
from perfd.store.foreign import Revised, count, placed
from perfd.store.grid import Grid, hour
from perfd.store.increments import Increment, Item, Kind, admit
from perfd.store.opening import open_database
from perfd.store.outbox import Outbox
from perfd.store.packing import Packer
from perfd.store.revisions import Revisions
from perfd.store.roll import Row, roll, within
from perfd.store.settings import StoreSettings
from perfd.store.shelf import Shelf
from perfd.store.stacks import Stacks
from perfd.store.streams import Streams
from perfd.store.upkeep import Upkeep


class SqliteStore:
    """Opens or creates the file at `path`. Raises StoreError, SchemaTooNew.

    `outbox` makes it an agent's store: the bytes that may wait for the centre.
    """

    def __init__(
        self,
        path: Path,
        settings: StoreSettings,
        *,
        pace: float,
        clock: Clock,
        meter: Meter,
        outbox: int | None = None,
    ) -> None:
        self._grid = Grid.of(pace, settings.hot)
        self._meter = meter
        self._damage = Damage(meter)
        self._database, self._state = open_database(
            path, self._grid.width, clock=clock, meter=meter, damage=self._damage
        )
        self._revisions = Revisions(self._state.boot)
        self._streams = Streams(self._state.writer, self._damage)
        self._dictionary = Dictionary(self._damage)
        self._documents = Documents(self._damage)
        self._floors = Floors()
        self._shelves = {kind: Shelf(kind, self._damage) for kind in Kind}
        self._outbox = Outbox(self._shelves, self._streams, self._grid, outbox, meter)
        self._sealed = self._state.floor
        self._stale = False
        self._upkeep = self._new_upkeep(settings)
        self._upkeep_lock = threading.Lock()
        self._check()

    def append(self, batch: Batch) -> None:
        """Add increments to their minutes and record the log position: one transaction.

        Raises Overloaded when the disk is full: nothing was written, and the same batch may be
        given again.
        """
        with self._changing() as connection:
            increments = admit(batch, self._grid, self._sealed, self._meter)
            self._dictionary.add(connection, batch.symbols)
            self._add(connection, increments)
            reached = self._state
            if batch.log_position is not None:
                reached = msgspec.structs.replace(reached, log_position=batch.log_position)
                state.save(connection, reached)
        self._state = reached

    def log_position(self) -> int:
        """How far into the request log the stored windows reach; -1 at the start."""
        return self._state.log_position

    def series(self, name: str, labels: Labels | None = None) -> Sequence[Series]:
        """Series of that name with at least these labels, that have rows."""
        return self._streams.series(name, labels or {})

    def windows(
        self, name: str, labels: Labels, start: float, end: float, step: float | None = None
    ) -> Sequence[Window]:
        """Windows of all matching series, by (series, start)."""
        numbers, minutes = self._grid.numbers(start, end), self._grid.step(step)
        return roll(self._rows(Kind.WINDOW, name, labels, numbers, minutes), self._grid, minutes)

    def exemplars(self, name: str, labels: Labels, start: float, end: float) -> Sequence[Window]:
        """One window per series and hour, with the exemplars of the interval."""
        numbers = self._grid.hours(start, end)
        return within(
            roll(self._rows(Kind.EXEMPLAR, name, labels, numbers), self._grid), start, end
        )

    def gauges(
        self, name: str, labels: Labels, start: float, end: float, step: float | None = None
    ) -> Sequence[Gauge]:
        """Gauges of all matching series, by (series, start)."""
        numbers, minutes = self._grid.numbers(start, end), self._grid.step(step)
        return roll(self._rows(Kind.GAUGE, name, labels, numbers, minutes), self._grid, minutes)

    def profiles(self, labels: Labels, start: float, end: float) -> Sequence[ProfileWindow]:
        """Profile windows, by (series, start): one a minute while hot, one in ten once packed."""
        numbers = self._grid.numbers(start, end)
        return roll(self._rows(Kind.PROFILE, PROFILE, labels, numbers), self._grid)

    def symbols(self, nodes: Iterable[int]) -> Symbols:
        """The dictionary for these leaves and all their ancestors."""
        with self._reading() as connection:
            return self._dictionary.symbols(connection, nodes)

    def put(self, documents: Sequence[Document]) -> None:
        """Write documents atomically; for each id the greater revision wins."""
        with self._changing() as connection:
            self._documents.put(connection, documents)

    def document(self, kind: str, id: str) -> Document | None:
        """One document, or None."""
        with self._reading() as connection:
            return self._documents.one(connection, kind, id)

    def documents(self, kind: str, since: float | None = None) -> Sequence[Document]:
        """Documents of a kind by (at, id), newest last."""
        with self._reading() as connection:
            return self._documents.all(connection, kind, since)

    def next_revision(self) -> int:
        """A revision greater than all that this store has given out."""
        return self._revisions.next()

    @property
    def writer(self) -> int:
        """The id under which this store's own rows are known elsewhere; the same for ever."""
        return self._state.writer

    def changed(self, after: int, most: int) -> Sequence[Partial]:
        """Own rows that are hot and were written after a revision, by revision."""
        with self._reading() as connection:
            return self._outbox.changed(connection, after, most)

    def waiting(self, after: int) -> int:
        """How many rows `changed` would give after a revision."""
        with self._reading() as connection:
            return self._outbox.waiting(connection, after)

    def release(self, upto: int) -> None:
        """Own rows up to a revision are elsewhere."""
        self._outbox.released = upto

    def absorb(
        self,
        writer: int,
        partials: Sequence[Partial],
        symbols: Symbols,
        documents: Sequence[Document],
    ) -> None:
        """Take another writer's rows, whatever their age, with documents: one transaction."""
        if writer == self.writer:
            raise BadInput("a store does not take its own rows from outside")
        with self._changing() as connection:
            self._dictionary.add(connection, symbols)
            grouped: defaultdict[Kind, dict[int, Revised]] = defaultdict(dict)
            for kind, series, number, row in placed(partials, self._grid, self._meter):
                slot = self._streams.slot(connection, kind, series, hour(number), writer)
                key = keys.key(number, slot)
                held = grouped[kind].get(key)
                if held is None or held.revision < row.revision:
                    grouped[kind][key] = Revised(row.revision, _stored(row.item))
            for kind, rows in grouped.items():
                refused = self._shelves[kind].absorb(connection, self._streams.by_slot, rows)
                count(self._meter, kind, "packed", refused)
            self._documents.put(connection, documents)

    def maintain(self, now: float) -> None:
        """One bounded step of packing and retention."""
        with self._upkeep_lock:
            self._sealed = max(self._grid.seal(now), self._state.floor)
            self._upkeep.step(now, self._sealed)
            if self._outbox.enabled:
                self._let_go(now)

    def size(self) -> int:
        """Bytes on disk, the journal included."""
        return self._database.size()

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._database.close()

    # --- writing ----------------------------------------------------------------------------------

    def _add(self, connection: sqlite3.Connection, increments: Iterable[Increment]) -> None:
        grouped: defaultdict[Kind, dict[int, Any]] = defaultdict(dict)
        for kind, series, number, item in increments:
            slot = self._streams.slot(connection, kind, series, hour(number))
            key = keys.key(number, slot)
            kept = self._kept(kind, key, item)
            if kept is not None:
                held = grouped[kind].get(key)
                grouped[kind][key] = kept if held is None else held.merge(kept)
        rev = self._revisions.next()
        for kind, items in grouped.items():
            whole = self._shelves[kind].add(connection, self._streams.by_slot, items, rev)
            if kind == Kind.EXEMPLAR:
                for key, window in whole.items():
                    self._floors.learn(key, window.exemplars)

    def _let_go(self, now: float) -> None:
        """What has arrived at the centre, and what there is no room for."""
        with self._changing() as connection:
            gone = self._outbox.let_go(connection, self._sealed)
            behind = self._outbox.drop(connection, self._upkeep.used(), now)
            floor = max(self._sealed if gone else 0, behind or 0, self._state.floor)
            kept = msgspec.structs.replace(self._state, floor=floor)
            if kept != self._state:
                state.save(connection, kept)
        self._state = kept
        self._sealed = max(self._sealed, floor)

    def _kept(self, kind: Kind, key: int, item: Item) -> Any:
        """The increment as it is merged and stored; None when nothing of it is."""
        if kind == Kind.EXEMPLAR and isinstance(item, Window):
            return self._worthy(key, item)
        return _stored(item)

    def _worthy(self, key: int, window: Window) -> Window | None:
        exemplars = self._floors.worthy(key, window.exemplars)
        if not exemplars:
            return None
        return Window(window.series, window.start, window.width, 0, 0, exemplars=exemplars)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.writing(self._reload) as connection:
                if self._stale:
                    self._streams.load(connection)
                    self._stale = False
                yield connection
        except Corrupt:
            self._suspect()
            raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.reading() as connection:
                yield connection
        except Corrupt:
            self._suspect()
            raise

    def _reload(self, connection: sqlite3.Connection) -> None:
        """A transaction failed: what it put into memory never happened."""
        self._dictionary.forget()
        self._floors.clear()
        for shelf in self._shelves.values():
            shelf.hot.forget()
        self._stale = True
        with suppress(sqlite3.Error):  # else the next transaction does it, or fails
            self._streams.load(connection)
            self._stale = False

    def _suspect(self) -> None:
        """Have the whole file looked at by the next start."""
        with suppress(StoreError), self._database.writing(lambda _: None) as connection:
            state.save(connection, msgspec.structs.replace(self._state, suspect=True))

    # --- reading ----------------------------------------------------------------------------------

    def _rows(
        self, kind: Kind, name: str, labels: Labels, numbers: range, step: int = 1
    ) -> list[Row[Any]]:
        with self._reading() as connection:
            streams = self._streams.match(kind, name, labels)  # after the snapshot: none is missing
            return list(self._shelves[kind].scan(connection, streams, numbers, step))

    # --- the start --------------------------------------------------------------------------------

    def _new_upkeep(self, settings: StoreSettings) -> Upkeep:
        chunks = {kind: shelf.chunks for kind, shelf in self._shelves.items()}
        packed = {} if self._outbox.enabled else self._shelves
        packers = [
            Packer(kind, s.hot, s.chunks, self._streams, self._dictionary, settings.keep_stacks)
            for kind, s in packed.items()
        ]
        return Upkeep(
            settings,
            self._grid,
            self._database,
            self._changing,
            self._shelves,
            packers,
            self._streams,
            self._documents,
            self._damage,
            Aside(chunks, self._dictionary),
            self._meter,
        )

    def _check(self) -> None:
        """Load the streams, and read every hot row once."""
        if self._outbox.enabled:
            with self._changing() as connection:
                self._outbox.prepare(connection)
        with self._reading() as connection:
            self._streams.load(connection)
            for shelf in self._shelves.values():
                shelf.hot.verify(connection, self._streams.by_slot)


def _stored(item: Item) -> Any:
    """An item as codecs and shelves hold it."""
    return Stacks.of(item) if isinstance(item, ProfileWindow) else item
