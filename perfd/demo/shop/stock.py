"""The stock table of inventory: a real SQLite file, each statement in a database span."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from perfd.demo.shop.carts import SKUS, sku
from perfd.demo.shop.tracing import query

ONE = "SELECT sku, quantity FROM stock WHERE sku = ?"
SEVERAL = "SELECT sku, quantity FROM stock WHERE sku IN (SELECT value FROM json_each(?))"


class Stock:
    """How many pieces of each article there are."""

    def __init__(self, file: Path) -> None:
        self._name = file.name
        self._database = sqlite3.connect(file)
        self._fill()

    def one(self, wanted: str) -> int:
        """The stock of one article; 0 when there is none of that name."""
        return self._select(ONE, wanted).get(wanted, 0)

    def several(self, wanted: Sequence[str]) -> dict[str, int]:
        """The stock of many articles by one statement."""
        return self._select(SEVERAL, json.dumps(list(wanted)))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _select(self, statement: str, parameter: str) -> dict[str, int]:
        with query("SELECT", "stock", statement, self._name):
            return dict(self._database.execute(statement, (parameter,)).fetchall())

    def _fill(self) -> None:
        with self._database:
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS stock (sku TEXT PRIMARY KEY, quantity INTEGER NOT NULL)"
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO stock VALUES (?, ?)",
                ((sku(article), article * 7 % 90) for article in range(SKUS)),
            )
