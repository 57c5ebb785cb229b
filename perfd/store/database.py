"""The SQLite file: one writer under a lock, a few readers, and errors in perfd's own words."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from perfd.errors import Corrupt, Overloaded, StoreError
from perfd.interfaces import Clock, Meter
from perfd.store import schema

_WRITER_CACHE = 8192  # KiB
_READER_CACHE = 2048
_READERS = 4  # detection, pages and metrics at once; more would wait for the same two cores


class Database:
    """Opens the file for writing at once and for reading when somebody reads."""

    def __init__(self, path: Path, *, clock: Clock, meter: Meter) -> None:
        self.path = path
        self._clock = clock
        self._meter = meter
        self._lock = threading.RLock()
        self._closed = False
        self._idle: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        for _ in range(_READERS):
            self._idle.put(None)
        with translated():
            self._writer = schema.connect(path, cache_kib=_WRITER_CACHE)
            try:
                schema.prepare(self._writer)
            except sqlite3.Error:
                self._writer.close()
                raise

    @contextmanager
    def writing(self, undone: Callable[[sqlite3.Connection], None]) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is on the disk afterwards, or nothing.

        `undone` is called when it is nothing, so that what is held in memory can be read again.
        """
        with self._lock, translated():
            self._check()
            began, changes = self._clock.monotonic(), self._writer.total_changes
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                undone(self._writer)
                raise
            if self._writer.total_changes == changes:
                return
            self._meter.count("perfd_store_commits")
            self._meter.observe("perfd_store_commit_seconds", self._clock.monotonic() - began)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot, from the first statement to the last."""
        connection = self._idle.get()
        try:
            with translated():
                self._check()
                connection = connection or self._reader()
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM meta").fetchone()  # the snapshot begins here
                try:
                    yield connection
                finally:
                    connection.execute("ROLLBACK")
        finally:
            self._give_back(connection)

    def sound(self, table: str = "") -> bool:
        """Whether the structure of a table, or of the whole file, is as SQLite left it."""
        with self._lock, translated():
            check = f"PRAGMA quick_check('{table}')" if table else "PRAGMA quick_check"
            return self._writer.execute(check).fetchall() == [("ok",)]

    def vacuum(self, pages: int) -> None:
        """Give up to `pages` free pages back to the file system."""
        with self._lock, translated():
            self._check()
            # It frees a page per step and has no columns: `execute` would stop after the first.
            self._writer.executescript(f"PRAGMA incremental_vacuum({pages})")

    def pragma(self, name: str) -> int:
        """The value of a numeric setting or counter."""
        with self._lock, translated():
            self._check()
            (value,) = self._writer.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def size(self) -> int:
        """Bytes of the file and its journal."""
        paths = (self.path, journal(self.path))
        return sum(path.stat().st_size for path in paths if path.exists())

    def close(self) -> None:
        """Release the files; the journal is folded into the database."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._writer.close()
        for _ in range(_READERS):
            connection = self._idle.get()
            if connection is not None:
                connection.close()
            self._idle.put(None)

    def _reader(self) -> sqlite3.Connection:
        connection = schema.connect(self.path, cache_kib=_READER_CACHE)
        connection.execute("PRAGMA query_only = 1")
        return connection

    def _give_back(self, connection: sqlite3.Connection | None) -> None:
        if self._closed and connection is not None:
            connection.close()
            connection = None
        self._idle.put(connection)

    def _check(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")


def journal(path: Path) -> Path:
    """SQLite's write-ahead log beside a database."""
    return path.with_name(path.name + "-wal")


def damaged(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is not what it wrote."""
    name = getattr(error, "sqlite_errorname", None) or ""
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors as ours; a full disk is for now, everything else is for good."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or type(error).__name__
        if name == "SQLITE_FULL":
            raise Overloaded("no space left for the store", retry_after=5.0) from error
        kind = Corrupt if damaged(error) else StoreError
        raise kind(f"the store's database failed: {error} ({name})") from error
