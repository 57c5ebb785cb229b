"""What the store knows of itself: one small row that moves with every transaction."""

from __future__ import annotations

import sqlite3
from secrets import randbits

import msgspec

from perfd.errors import SchemaTooNew, StoreError
from perfd.store import schema
from perfd.store.seal import seal, unseal

NAME = "state"


class State(msgspec.Struct, array_like=True):
    """`writer` names this store among others for ever, `boot` counts its starts.

    `width` is the length of its minutes in seconds. No minute before `floor` takes increments: an
    agent has let go of such minutes, and a part of one must not be taken for the whole.
    """

    writer: int
    boot: int
    width: float
    log_position: int = -1
    suspect: bool = False  # SQLite has complained: look at the whole file at the next start
    floor: int = 0


def fresh(width: float) -> State:
    """The state of a store that was just created."""
    return State(randbits(63), 0, width)


def load(connection: sqlite3.Connection) -> State | None:
    """The stored state; None in an empty file. Raises Corrupt or SchemaTooNew."""
    if schema.empty(connection):
        return None
    rows = dict(connection.execute("SELECT name, body FROM meta").fetchall())
    version = rows.get("schema")
    if isinstance(version, int) and version > schema.VERSION:
        raise SchemaTooNew(
            f"this data directory has schema {version}, written by a newer perfd; "
            f"this one knows {schema.VERSION}. Upgrade perfd, or use another data_dir"
        )
    return msgspec.msgpack.decode(unseal(rows.get(NAME, b""), NAME), type=State)


def save(connection: sqlite3.Connection, state: State) -> None:
    """Write the state inside the caller's transaction."""
    body = seal(msgspec.msgpack.encode(state), NAME)
    connection.execute("INSERT OR REPLACE INTO meta (name, body) VALUES (?, ?)", (NAME, body))


def save_version(connection: sqlite3.Connection) -> None:
    """Say which schema the tables have."""
    statement = "INSERT OR REPLACE INTO meta (name, body) VALUES ('schema', ?)"
    connection.execute(statement, (schema.VERSION,))


def check_width(state: State, width: float) -> None:
    """Refuse another pace: minutes of two lengths cannot be told apart by number."""
    if state.width != width:
        raise StoreError(
            f"this data directory was written with pace {60 / state.width:g}, "
            f"and cannot be read with pace {60 / width:g}: use that pace, or another data_dir"
        )
