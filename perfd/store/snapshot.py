"""A running daemon's store, to be read by a command: a copy of one moment.

SQLite's online backup copies in one read transaction, beside the daemon, which neither waits nor
notices; what opening a store writes is then written into the copy.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from perfd.errors import StoreError
from perfd.interfaces import Clock, Store
from perfd.store.database import journal, translated
from perfd.store.open import DATABASE
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore


class Unheard:
    """The meter of a command, which publishes nothing."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Nobody asks."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Nobody asks."""

    def gauge(self, name: str, read: Callable[[], float], /, **labels: str) -> None:
        """Nobody asks."""


@contextmanager
def snapshot(
    data_dir: Path, settings: StoreSettings, *, pace: float, clock: Clock
) -> Iterator[Store]:
    """The store of a data directory as it is now, whether a daemon runs there or not.

    Raises StoreError where there is none, it cannot be read, or there is no room for the copy.
    """
    source = data_dir / DATABASE
    if not source.is_file():
        raise StoreError(f"{source}: there is no store; is data_dir the running perfd's?")
    with tempfile.TemporaryDirectory(prefix="perfd-") as folder:
        copy = Path(folder) / DATABASE
        _check_room(source, Path(folder))
        with translated():
            _copy(source, copy)
        store = SqliteStore(copy, settings, pace=pace, clock=clock, meter=Unheard())
        try:
            yield store
        finally:
            store.close()


def _check_room(source: Path, folder: Path) -> None:
    files = (source, journal(source))
    needed = sum(file.stat().st_size for file in files if file.exists())
    free = shutil.disk_usage(folder).free
    if free < 1.1 * needed:
        raise StoreError(
            f"{folder.parent}: {free / 2**20:.0f} MiB are free, a copy of the store takes "
            f"{needed / 2**20:.0f} MiB; TMPDIR may name a larger place"
        )


def _copy(source: Path, copy: Path) -> None:
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=10.0)) as held,
        closing(sqlite3.connect(copy)) as new,
    ):
        held.backup(new)
