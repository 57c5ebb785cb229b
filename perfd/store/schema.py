"""Tables, and how a connection to them is set up.

A row is a minute while it is hot, then part of a chunk: an hour of one stream. Both have an integer
key (`keys.py`) and a rowid table: a table without rowid would spill bodies of a few KiB to overflow
pages and grow by half (measured). `hour` lists the streams that have a chunk, so that a chunk which
is gone is noticed.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from perfd.store.increments import Kind

VERSION = 2  # 2: the hours of other writers carry revisions

_SHARED = """
CREATE TABLE meta (name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE stream (slot INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE hour (
    kind TEXT, hour INTEGER, body BLOB NOT NULL, PRIMARY KEY (kind, hour)
) WITHOUT ROWID;
CREATE TABLE function (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE node (
    id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, function INTEGER NOT NULL
);
CREATE TABLE document (
    kind TEXT, id TEXT, revision INTEGER NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX document_at ON document (kind, at);
CREATE TABLE damaged (source TEXT, key TEXT, body BLOB)
"""
_BY_KIND = """
CREATE TABLE $_hot (key INTEGER PRIMARY KEY, rev INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE $_chunk (key INTEGER PRIMARY KEY, body BLOB NOT NULL)
"""

# Read whole at the start: small, and damage to their structure would lose more than one window.
CHECKED = ("meta", "stream", "hour", "document", *(f"{kind}_hot" for kind in Kind))


def of_kind(statement: str, kind: Kind) -> str:
    """A statement about one kind's tables; `$` stands for the kind."""
    return statement.replace("$", kind)


def connect(path: Path, *, cache_kib: int) -> sqlite3.Connection:
    """A connection that may move between threads; transactions are begun by hand."""
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Settings of the writer; those of the file only take effect before its first table."""
    for setting in (
        "page_size = 8192",
        "auto_vacuum = INCREMENTAL",
        "journal_mode = WAL",
        "synchronous = FULL",
        "wal_autocheckpoint = 256",
        "journal_size_limit = 8388608",
    ):
        connection.execute(f"PRAGMA {setting}").fetchall()


def create(connection: sqlite3.Connection) -> None:
    """All tables, inside the caller's transaction."""
    for statement in (_SHARED, *(of_kind(_BY_KIND, kind) for kind in Kind)):
        for part in statement.split(";"):
            connection.execute(part)


def empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing was created yet."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return int(tables) == 0
