"""A command reads the store of a running daemon without being noticed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from perfd.clock import ManualClock
from perfd.errors import StoreError
from perfd.model.batch import TICKET, Batch, Document
from perfd.model.series import REQUESTS
from perfd.store.lock import DirectoryLock
from perfd.store.open import open_store
from perfd.store.snapshot import snapshot
from tests.contracts.store_contract import NOON, SETTINGS, window
from tests.fakes import CountingMeter


def test_a_running_store_is_read_and_left_alone(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    running = open_store(tmp_path, SETTINGS, pace=1.0, clock=clock, meter=CountingMeter())
    running.append(Batch(windows=(window(NOON, [0.1]),), log_position=7))
    with snapshot(tmp_path, SETTINGS, pace=1.0, clock=clock) as copy:
        running.append(Batch(windows=(window(NOON + 60.0, [0.1]),)))  # the daemon goes on meanwhile
        assert [w.start for w in copy.windows(REQUESTS, {}, NOON, NOON + 600.0)] == [NOON]
        copy.put([Document(TICKET, "a", copy.next_revision(), NOON, b"")])
    assert len(running.windows(REQUESTS, {}, NOON, NOON + 600.0)) == 2
    assert running.documents(TICKET) == []
    assert running.next_revision() >> 32 == 1  # nobody else has started here
    running.close()
    lock.release()


def test_a_store_that_nobody_has_open_is_read_as_well(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    held = open_store(tmp_path, SETTINGS, pace=1.0, clock=clock, meter=CountingMeter())
    held.append(Batch(windows=(window(NOON, [0.1]),)))
    held.close()
    before = (tmp_path / "perfd.db").read_bytes()
    with snapshot(tmp_path, SETTINGS, pace=1.0, clock=clock) as copy:
        assert len(copy.windows(REQUESTS, {}, NOON, NOON + 600.0)) == 1
    assert (tmp_path / "perfd.db").read_bytes() == before


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    opened = snapshot(tmp_path, SETTINGS, pace=1.0, clock=ManualClock(NOON))
    with pytest.raises(StoreError, match="there is no store"), opened:
        pass
    (tmp_path / "perfd.db").write_bytes(b"no database at all" * 100)
    opened = snapshot(tmp_path, SETTINGS, pace=1.0, clock=ManualClock(NOON))
    with pytest.raises(StoreError, match="not a database"), opened:
        pass


def test_the_copy_does_not_stay(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    open_store(tmp_path, SETTINGS, pace=1.0, clock=clock, meter=CountingMeter()).close()
    with snapshot(tmp_path, SETTINGS, pace=1.0, clock=clock) as copy:
        place = Path(copy._database.path)  # type: ignore[attr-defined]
        assert sqlite3.connect(place).execute("SELECT count(*) FROM meta").fetchone()
    assert not place.exists()
