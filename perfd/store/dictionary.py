"""Functions and stacks by id. Rows are written once; unused ones are not collected yet.

A node is checked by its own id, which is a hash of what it says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from perfd.errors import Corrupt
from perfd.model.profile import ROOT, Function, Node, Symbols
from perfd.store.damage import Damage
from perfd.store.rows import json
from perfd.store.seal import seal, unseal

# Ids known to be stored, so that a batch that repeats them costs no statement: 4 MiB at most.
_REMEMBERED = 65_536

_CLIMB = (
    "WITH RECURSIVE path (id) AS ("
    " SELECT value FROM json_each(?)"
    " UNION SELECT node.parent FROM path JOIN node ON node.id = path.id WHERE node.parent <> 0"
    ") SELECT node.id, node.parent, node.function FROM path JOIN node ON node.id = path.id"
)
_FUNCTIONS = "SELECT id, body FROM function WHERE id IN (SELECT value FROM json_each(?))"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, str, int]).decode


class Dictionary:
    """The tables `function` and `node`."""

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._stored: set[int] = set()

    def add(self, connection: sqlite3.Connection, symbols: Symbols) -> None:
        """Write what is not stored yet."""
        functions = {i: f for i, f in symbols.functions.items() if i not in self._stored}
        nodes = {i: n for i, n in symbols.nodes.items() if i not in self._stored}
        connection.executemany(
            "INSERT OR IGNORE INTO function (id, body) VALUES (?, ?)",
            ((key, seal(_encode(tuple(f)), key)) for key, f in functions.items()),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO node (id, parent, function) VALUES (?, ?, ?)",
            ((key, node.parent, node.function) for key, node in nodes.items()),
        )
        if len(self._stored) + len(functions) + len(nodes) > _REMEMBERED:
            self._stored.clear()
        self._stored.update(functions)
        self._stored.update(nodes)

    def forget(self) -> None:
        """Trust nothing of what a failed transaction may have written."""
        self._stored.clear()

    def symbols(self, connection: sqlite3.Connection, leaves: Iterable[int]) -> Symbols:
        """These nodes with all their ancestors and functions."""
        nodes = self.nodes(connection, leaves)
        wanted = {node.function for node in nodes.values()}
        functions = dict(self._functions(connection.execute(_FUNCTIONS, (json(wanted),))))
        self._missing("function", wanted - functions.keys())
        return Symbols({i: n for i, n in nodes.items() if n.function in functions}, functions)

    def nodes(self, connection: sqlite3.Connection, leaves: Iterable[int]) -> dict[int, Node]:
        """These nodes and all their ancestors."""
        leaves = set(leaves)
        found = dict(self._nodes(connection.execute(_CLIMB, (json(leaves),)).fetchall()))
        parents = {node.parent for node in found.values()}
        self._missing("node", (leaves | parents) - found.keys() - {ROOT})
        return found

    def _missing(self, table: str, ids: Iterable[int]) -> None:
        """What is referred to was written with what refers to it."""
        for key in ids:
            self._damage.report(table, key)

    def _nodes(self, rows: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, Node]]:
        for key, parent, function in rows:
            node = Node(parent, function)
            if node.id == key:
                yield key, node
            else:
                self._damage.report("node", key)

    def _functions(self, rows: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Function]]:
        for key, sealed in rows:
            try:
                yield key, Function(*_decode(unseal(sealed, key)))
            except Corrupt:
                self._damage.report("function", key)
