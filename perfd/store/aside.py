"""Damaged pieces are copied to the table `damaged`, for a person to look at, and deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from perfd.store import keys
from perfd.store.chunks import Chunks
from perfd.store.dictionary import Dictionary
from perfd.store.increments import Kind

_KEPT = 1000  # damaged bodies

_COPY = "INSERT INTO damaged (source, key, body) SELECT '$', {key}, body FROM $ WHERE {key} = ?"
_DROP = "DELETE FROM $ WHERE {key} = ?"
_TRIM = "DELETE FROM damaged WHERE rowid <= (SELECT max(rowid) FROM damaged) - ?"

Piece = int | str


class Aside:
    """Knows for each table what else has to follow when a row is taken out."""

    def __init__(self, chunks: Mapping[Kind, Chunks], dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._chunks = {shelf.table: shelf for shelf in chunks.values()}
        self._lists = {str(kind): shelf for kind, shelf in chunks.items()}
        self._special: dict[str, Callable[[sqlite3.Connection, str, Piece], None]] = {
            "stream": _leave,
            "hour": self._relist,
            "node": self._symbol,
            "function": self._symbol,
            "document": _document,
        }

    def take(self, connection: sqlite3.Connection, table: str, key: Piece) -> None:
        """Set one piece aside, inside the caller's transaction."""
        self._special.get(table, self._row)(connection, table, key)
        connection.execute(_TRIM, (_KEPT,))

    def _row(self, connection: sqlite3.Connection, table: str, key: Piece) -> None:
        _move(connection, table, "key", key)
        chunks = self._chunks.get(table)
        if chunks is not None:
            chunks.relist(connection, keys.number_of(int(key)))

    def _relist(self, connection: sqlite3.Connection, _: str, key: Piece) -> None:
        kind, hour = str(key).split()
        self._lists[kind].relist(connection, int(hour))

    def _symbol(self, connection: sqlite3.Connection, table: str, key: Piece) -> None:
        """A symbol that is deleted is written again by the next batch that has it."""
        connection.execute(_drop(table, "id"), (key,))
        self._dictionary.forget()


def _document(connection: sqlite3.Connection, table: str, key: Piece) -> None:
    _move(connection, table, "kind || ' ' || id", key)


def _leave(_: sqlite3.Connection, __: str, ___: Piece) -> None:
    """The row of a damaged stream keeps its number from being given to another."""


def _move(connection: sqlite3.Connection, table: str, column: str, key: Piece) -> None:
    connection.execute(_COPY.replace("$", table).replace("{key}", column), (key,))
    connection.execute(_drop(table, column), (key,))


def _drop(table: str, column: str) -> str:
    return _DROP.replace("$", table).replace("{key}", column)
