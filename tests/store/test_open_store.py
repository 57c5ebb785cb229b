"""A data directory gets a file and a log; none, a store in memory."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perfd.clock import ManualClock
from perfd.store.memory import MemoryStore
from perfd.store.open import open_log, open_store
from perfd.store.settings import StoreSettings
from perfd.store.sqlite import SqliteStore
from tests.fakes import CountingMeter


def test_without_a_directory_everything_is_in_memory() -> None:
    store = open_store(None, StoreSettings(), pace=1.0, clock=ManualClock(), meter=CountingMeter())
    assert isinstance(store, MemoryStore)
    assert store.size() == 0


def test_a_directory_is_made(tmp_path: Path) -> None:
    clock, meter = ManualClock(), CountingMeter()
    path = tmp_path / "new" / "data"
    store = open_store(path, StoreSettings(), pace=60.0, clock=clock, meter=meter)
    assert isinstance(store, SqliteStore)
    log = open_log(
        path, StoreSettings(), durability="os", after=store.log_position(), clock=clock,
        meter=meter, on_failure=lambda _: None,
    )  # fmt: skip
    assert log.append("traces", "", "", 0.0, b"") == 0
    assert store.size() > 0
    assert sorted(p.name for p in path.iterdir() if p.suffix in {".db", ""}) == ["log", "perfd.db"]
    log.close()
    store.close()


@pytest.mark.parametrize(
    "wrong", [{"hot": 60}, {"max_bytes": 0}, {"keep_stacks": 1.5}, {"hott": 1}]
)
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, StoreSettings)
