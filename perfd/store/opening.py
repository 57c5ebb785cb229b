"""Opening a database file: new, old, of another pace, of a newer perfd, or damaged."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import msgspec

from perfd.errors import Corrupt, StoreError
from perfd.interfaces import Clock, Meter
from perfd.store import schema, state
from perfd.store.damage import Damage
from perfd.store.database import Database
from perfd.store.documents import Documents
from perfd.store.revisions import EPOCH_BITS
from perfd.store.salvage import quarantine, salvage
from perfd.store.state import State

_log = logging.getLogger(__name__)

_OLDEST_SQLITE = (3, 34, 0)  # quick_check of one table


def open_database(
    path: Path, width: float, *, clock: Clock, meter: Meter, damage: Damage
) -> tuple[Database, State]:
    """The database and its state, with one start more; a damaged file is put aside."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old; 3.34 or newer is needed")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        database, found = _inspect(path, clock, meter)
    except Corrupt as error:
        database, found = _begin_anew(path, error, clock, meter)
    try:
        found = found or state.fresh(width)
        state.check_width(found, width)
        return database, _start(database, found, damage)
    except BaseException:
        database.close()
        raise


def _inspect(path: Path, clock: Clock, meter: Meter) -> tuple[Database, State | None]:
    """The state of a sound file, None of an empty one. Raises Corrupt."""
    database = Database(path, clock=clock, meter=meter)
    try:
        with database.writing(_nothing) as connection:
            found = state.load(connection)
            if found is None:
                _create(connection)
                return database, None
        tables = ("",) if found.suspect else schema.CHECKED
        if not all(database.sound(table) for table in tables):
            raise Corrupt("its structure is damaged")
    except BaseException:
        database.close()
        raise
    return database, found


def _begin_anew(
    path: Path, error: Corrupt, clock: Clock, meter: Meter
) -> tuple[Database, State | None]:
    aside = quarantine(path)
    _log.error("store: %s is damaged (%s); it was renamed to %s", path, error, aside.name)
    meter.count("perfd_store_corruptions", what="database")
    database = Database(path, clock=clock, meter=meter)
    with database.writing(_nothing) as connection:
        _create(connection)
        found = salvage(aside, connection)
    return database, found


def _start(database: Database, found: State, damage: Damage) -> State:
    """Count this start. Revisions of documents bound it from below, should the count be lost."""
    with database.writing(_nothing) as connection:
        seen = Documents(damage).greatest_revision(connection) >> EPOCH_BITS
        started = msgspec.structs.replace(found, boot=max(found.boot, seen) + 1, suspect=False)
        state.save(connection, started)
        state.save_version(connection)  # an older perfd must not write here any more
    return started


def _create(connection: sqlite3.Connection) -> None:
    schema.create(connection)
    state.save_version(connection)


def _nothing(_: sqlite3.Connection) -> None:
    """Nothing is held in memory yet."""
