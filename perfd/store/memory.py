"""The store without a disk, for tests and dry runs: the contract in its plainest form."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from perfd.errors import BadInput
from perfd.interfaces import Labels, Meter
from perfd.model.batch import Batch, Document
from perfd.model.partial import Partial
from perfd.model.profile import PROFILE, ROOT, ProfileWindow, Symbols
from perfd.model.series import Series
from perfd.model.window import Gauge, Window
from perfd.store import lifetimes
from perfd.store.foreign import Revised, placed
from perfd.store.grid import Grid, hour
from perfd.store.increments import Increment, Kind, admit
from perfd.store.revisions import Revisions
from perfd.store.roll import Row, put, roll, within
from perfd.store.settings import StoreSettings

Place = tuple[int, Series, int]  # writer, series, minute


class MemoryStore:
    """Everything in dictionaries under one lock; gone when the process ends.

    Stores that exchange rows need a `writer` each.
    """

    def __init__(
        self, settings: StoreSettings, *, pace: float, meter: Meter, writer: int = 1
    ) -> None:
        self._settings = settings
        self._grid = Grid.of(pace, settings.hot)
        self._meter = meter
        self._lock = threading.RLock()
        self._writer = writer
        self._rows: dict[Kind, dict[Place, Revised]] = {kind: {} for kind in Kind}
        self._symbols = Symbols()
        self._documents: dict[tuple[str, str], Document] = {}
        self._revisions = Revisions(1)
        self._sealed = 0
        self._log_position = -1

    def append(self, batch: Batch) -> None:
        """Add increments to their minutes and record the log position."""
        with self._lock:
            revision = self._revisions.next()
            for increment in admit(batch, self._grid, self._sealed, self._meter):
                self._add(increment, revision)
            self._symbols.update([batch.symbols])
            if batch.log_position is not None:
                self._log_position = batch.log_position

    def log_position(self) -> int:
        """How far into the request log the stored windows reach; -1 at the start."""
        return self._log_position

    def series(self, name: str, labels: Labels | None = None) -> Sequence[Series]:
        """Series of that name with at least these labels, that have rows."""
        with self._lock:
            known = {series for rows in self._rows.values() for _, series, _ in rows}
        return sorted((s for s in known if s.matches(name, labels or {})), key=lambda s: s.labels)

    def windows(
        self, name: str, labels: Labels, start: float, end: float, step: float | None = None
    ) -> Sequence[Window]:
        """Windows of all matching series, by (series, start)."""
        rows = self._select(Kind.WINDOW, name, labels, self._grid.numbers(start, end))
        return roll(rows, self._grid, self._grid.step(step))

    def exemplars(self, name: str, labels: Labels, start: float, end: float) -> Sequence[Window]:
        """One window per series and hour, with the exemplars of the interval."""
        rows = self._select(Kind.EXEMPLAR, name, labels, self._grid.hours(start, end))
        return within(roll(rows, self._grid), start, end)

    def gauges(
        self, name: str, labels: Labels, start: float, end: float, step: float | None = None
    ) -> Sequence[Gauge]:
        """Gauges of all matching series, by (series, start)."""
        rows = self._select(Kind.GAUGE, name, labels, self._grid.numbers(start, end))
        return roll(rows, self._grid, self._grid.step(step))

    def profiles(self, labels: Labels, start: float, end: float) -> Sequence[ProfileWindow]:
        """Profile windows of all matching series, by (series, start), one a minute."""
        numbers = self._grid.numbers(start, end)
        return roll(self._select(Kind.PROFILE, PROFILE, labels, numbers), self._grid)

    def symbols(self, nodes: Iterable[int]) -> Symbols:
        """The dictionary for these leaves and all their ancestors."""
        found = Symbols()
        with self._lock:
            for leaf in nodes:
                self._climb(leaf, found)
        return found

    def put(self, documents: Sequence[Document]) -> None:
        """Write documents; for each id the greater revision wins."""
        with self._lock:
            for document in documents:
                key = document.kind, document.id
                held = self._documents.get(key)
                if held is None or document.revision > held.revision:
                    self._documents[key] = document

    def document(self, kind: str, id: str) -> Document | None:
        """One document, or None."""
        return self._documents.get((kind, id))

    def documents(self, kind: str, since: float | None = None) -> Sequence[Document]:
        """Documents of a kind by (at, id), newest last."""
        least = -math.inf if since is None else since
        with self._lock:
            found = [d for d in self._documents.values() if d.kind == kind and d.at >= least]
        return sorted(found, key=lambda d: (d.at, d.id))

    def next_revision(self) -> int:
        """A revision greater than all that this store has given out."""
        return self._revisions.next()

    @property
    def writer(self) -> int:
        """The id under which this store's own rows are known elsewhere."""
        return self._writer

    def changed(self, after: int, most: int) -> Sequence[Partial]:
        """Own rows written after a revision, by revision: whole revisions, about `most` rows."""
        with self._lock:
            found = sorted(self._since(after), key=lambda partial: partial.revision)
        if len(found) <= most:
            return found
        cut = found[most].revision
        whole = [partial for partial in found if partial.revision < cut]
        return whole or [partial for partial in found if partial.revision == cut]

    def waiting(self, after: int) -> int:
        """How many rows `changed` would give after a revision."""
        with self._lock:
            return sum(1 for _ in self._since(after))

    def release(self, upto: int) -> None:
        """Nothing is let go before it expires."""

    def absorb(
        self,
        writer: int,
        partials: Sequence[Partial],
        symbols: Symbols,
        documents: Sequence[Document],
    ) -> None:
        """Take another writer's rows, whatever their age, with documents."""
        if writer == self._writer:
            raise BadInput("a store does not take its own rows from outside")
        with self._lock:
            for kind, series, number, row in placed(partials, self._grid, self._meter):
                held = self._rows[kind].get((writer, series, number))
                if held is None or held.revision < row.revision:
                    self._rows[kind][writer, series, number] = row
            self._symbols.update([symbols])
            self.put(documents)

    def maintain(self, now: float) -> None:
        """Seal hours behind the horizon and drop what has lived long enough."""
        with self._lock:
            self._sealed = self._grid.seal(now)
            for kind, seconds in lifetimes.of_rows(self._settings.retention).items():
                oldest = self._grid.horizon(now, seconds)
                rows = self._rows[kind]
                self._rows[kind] = {k: v for k, v in rows.items() if hour(k[2]) >= oldest}
            least = lifetimes.of_documents(self._settings.retention)
            self._documents = {
                key: document
                for key, document in self._documents.items()
                if document.at >= now - least.get(document.kind, math.inf)
            }

    def size(self) -> int:
        """Nothing is on disk."""
        return 0

    def close(self) -> None:
        """Nothing is held open."""

    def _add(self, increment: Increment, revision: int) -> None:
        rows = self._rows[increment.kind]
        place = self._writer, increment.series, increment.number
        held = rows.get(place)
        item = increment.item if held is None else held.item.merge(increment.item)
        rows[place] = Revised(revision, item)

    def _since(self, after: int) -> Iterator[Partial]:
        for rows in self._rows.values():
            for (writer, _, number), (revision, item) in rows.items():
                if writer == self._writer and revision > after:
                    start = self._grid.start(number)
                    yield Partial(revision, put(item, start, self._grid.width))

    def _select(self, kind: Kind, name: str, labels: Labels, numbers: range) -> list[Row[Any]]:
        with self._lock:
            return list(self._matching(kind, name, labels, numbers))

    def _matching(
        self, kind: Kind, name: str, labels: Labels, numbers: range
    ) -> Iterator[Row[Any]]:
        for (_, series, number), row in self._rows[kind].items():
            if number in numbers and series.matches(name, labels):
                yield Row(number, row.item)

    def _climb(self, leaf: int, found: Symbols) -> None:
        while leaf != ROOT and leaf not in found.nodes:
            node = self._symbols.nodes.get(leaf)
            if node is None:
                return
            found.nodes[leaf] = node
            function = self._symbols.functions.get(node.function)
            if function is not None:
                found.functions[node.function] = function
            leaf = node.parent
