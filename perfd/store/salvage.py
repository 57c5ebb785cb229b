"""A database file that cannot be trusted is put aside, and what can still be read is copied over.

Bodies carry their own checksums, so a copied row is right or will be found out. Windows are only
copied together with the log position that belongs to them: without it a replay of the request log
would count them twice.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from perfd.errors import Corrupt
from perfd.store import schema, state
from perfd.store.database import journal
from perfd.store.increments import Kind
from perfd.store.state import State

_log = logging.getLogger(__name__)

# Table, columns, order in which SQLite walks it.
_ALWAYS = (
    ("document", "kind, id, revision, at, body", "rowid"),
    ("function", "id, body", "id"),
    ("node", "id, parent, function", "id"),
)
_WITH_STATE = (
    ("stream", "slot, body", "slot"),
    ("hour", "kind, hour, body", "kind, hour"),
    *((f"{kind}_hot", "key, rev, body", "key") for kind in Kind),
    *((f"{kind}_chunk", "key, body", "key") for kind in Kind),
)


def quarantine(path: Path) -> Path:
    """Rename a database and its journal to the next free `.corrupt-<n>`."""
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(aside)
    if journal(path).exists():
        journal(path).rename(journal(aside))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return aside


def salvage(source: Path, target: sqlite3.Connection) -> State | None:
    """Copy what can be read into a new database; returns the old state if that can be read."""
    try:
        old = schema.connect(source, cache_kib=2048)
    except sqlite3.DatabaseError:
        return None
    copied = 0
    with closing(old):
        found = _state(old)
        for table, columns, order in (*_ALWAYS, *(_WITH_STATE if found else ())):
            marks = ", ".join("?" for _ in columns.split(","))
            insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
            copied += target.executemany(insert, _rows(old, table, columns, order)).rowcount
    _log.error("store: %d rows of %s could be read and were copied", copied, source.name)
    return found


def _state(old: sqlite3.Connection) -> State | None:
    try:
        return state.load(old)
    except (sqlite3.DatabaseError, Corrupt):
        return None


def _rows(
    old: sqlite3.Connection, table: str, columns: str, order: str
) -> Iterator[tuple[Any, ...]]:
    """From the front to the damage, then from the back to the damage."""
    for direction in ("ASC", "DESC"):
        ordered = ", ".join(f"{column} {direction}" for column in order.split(", "))
        try:
            yield from old.execute(f"SELECT {columns} FROM {table} ORDER BY {ordered}")  # noqa: S608
        except sqlite3.DatabaseError:
            continue
        return
