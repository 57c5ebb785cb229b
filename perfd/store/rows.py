"""Reading rows by key, around damage.

A damaged page makes SQLite refuse the whole statement. The keys are then read one by one, so that
only what is really gone is lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from perfd.store.database import damaged

_AT_ONCE = 4096  # keys in one statement


def json(keys: Iterable[int]) -> str:
    """Keys as the parameter of `IN (SELECT value FROM json_each(?))`."""
    return msgspec.json.encode(list(keys)).decode()


def by_key(
    connection: sqlite3.Connection,
    statement: str,
    keys: Sequence[int],
    unreadable: Callable[[int], None],
) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement whose one parameter is a JSON list of keys."""
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        try:
            rows = _read(connection, statement, some)
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            rows = list(_one_by_one(connection, statement, some, unreadable))
        yield from rows


def _read(
    connection: sqlite3.Connection, statement: str, keys: Sequence[int]
) -> list[tuple[Any, ...]]:
    return connection.execute(statement, (json(keys),)).fetchall()


def _one_by_one(
    connection: sqlite3.Connection,
    statement: str,
    keys: Sequence[int],
    unreadable: Callable[[int], None],
) -> Iterator[tuple[Any, ...]]:
    for key in keys:
        try:
            yield from _read(connection, statement, [key])
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            unreadable(key)
