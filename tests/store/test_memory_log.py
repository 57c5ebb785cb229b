"""The log in memory: positions grow, what was forgotten is not replayed."""

from __future__ import annotations

from perfd.store.memory_log import MemoryLog


async def test_what_is_behind_a_position_is_replayed_until_it_is_forgotten() -> None:
    log = MemoryLog(after=4)
    positions = [log.append("traces", "json", "", 1.0, body) for body in (b"a", b"bb", b"ccc")]
    await log.durable(positions[-1])
    assert positions == [5, 6, 7]
    assert [record.body for record in log.replay(5)] == [b"bb", b"ccc"]
    log.forget(6)
    assert [record.position for record in log.replay(-1)] == [7]
    assert log.size == 3
