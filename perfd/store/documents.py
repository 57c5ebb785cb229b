"""Documents: the greater revision wins, and each body is checked together with its fields."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from perfd.errors import Corrupt
from perfd.model.batch import Document
from perfd.store.damage import Damage
from perfd.store.seal import seal, unseal

_FIELDS = "SELECT kind, id, revision, at, body FROM document"
_PUT = (
    "INSERT INTO document (kind, id, revision, at, body) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, id) DO UPDATE"
    " SET revision = excluded.revision, at = excluded.at, body = excluded.body"
    " WHERE excluded.revision > revision"
)
_EXPIRE = (
    "DELETE FROM document WHERE rowid IN"
    " (SELECT rowid FROM document WHERE kind = ? AND at < ? ORDER BY at LIMIT ?)"
)
_AT_ONCE = 1000

Fields = tuple[str, str, int, float, bytes]


class Documents:
    """The table `document`."""

    def __init__(self, damage: Damage) -> None:
        self._damage = damage

    def put(self, connection: sqlite3.Connection, documents: Iterable[Document]) -> None:
        """Write those that are newer than what is stored."""
        connection.executemany(_PUT, (_row(document) for document in documents))

    def one(self, connection: sqlite3.Connection, kind: str, id: str) -> Document | None:
        """One document, or None."""
        rows = connection.execute(f"{_FIELDS} WHERE kind = ? AND id = ?", (kind, id))
        return next(self._opened(rows), None)

    def all(
        self, connection: sqlite3.Connection, kind: str, since: float | None
    ) -> Sequence[Document]:
        """Documents of a kind by (at, id)."""
        rows = connection.execute(
            f"{_FIELDS} WHERE kind = ? AND (? IS NULL OR at >= ?) ORDER BY at, id",
            (kind, since, since),
        )
        return list(self._opened(rows))

    def expire(self, connection: sqlite3.Connection, kind: str, before: float) -> int:
        """Drop some of those that are older; returns how many."""
        return connection.execute(_EXPIRE, (kind, before, _AT_ONCE)).rowcount

    def greatest_revision(self, connection: sqlite3.Connection) -> int:
        """Of all documents; 0 without any."""
        (found,) = connection.execute("SELECT max(revision) FROM document").fetchone()
        return int(found or 0)

    def _opened(self, rows: Iterable[Fields]) -> Iterator[Document]:
        for row in rows:
            fields, sealed = row[:4], row[4]
            try:
                yield Document(*fields, unseal(sealed, *_keys(*fields)))
            except Corrupt:
                self._damage.report("document", f"{fields[0]} {fields[1]}")


def _row(document: Document) -> Fields:
    fields = document.kind, document.id, document.revision, document.at
    return *fields, seal(document.body, *_keys(*fields))


def _keys(kind: str, id: str, revision: int, at: float) -> tuple[str, str, int, str]:
    return kind, id, revision, float(at).hex()
