"""The contract, kept in memory."""

from __future__ import annotations

import pytest

from perfd.store.memory import MemoryStore
from tests.contracts.store_contract import SETTINGS, Open, StoreContract
from tests.fakes import CountingMeter


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def open_store(self, meter: CountingMeter) -> Open:
        return lambda pace=1.0: MemoryStore(SETTINGS, pace=pace, meter=meter)
