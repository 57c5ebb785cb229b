"""The contract, kept in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from perfd.clock import ManualClock
from perfd.store.sqlite import SqliteStore
from tests.contracts.store_contract import SETTINGS, Open, StoreContract
from tests.fakes import CountingMeter


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path, meter: CountingMeter) -> Iterator[Open]:
        opened = []

        def new(pace: float = 1.0) -> SqliteStore:
            path = tmp_path / "perfd.db"
            store = SqliteStore(path, SETTINGS, pace=pace, clock=ManualClock(), meter=meter)
            opened.append(store)
            return store

        yield new
        for store in opened:
            store.close()
