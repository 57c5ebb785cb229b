"""Killed at any moment, the store has counted every acknowledged item exactly once."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from perfd.model.series import REQUESTS
from tests.fakes import CountingMeter
from tests.store.crash_child import Daemon, open_log, open_store

KILLS = int(os.environ.get("PERFD_KILLS", "200"))
SEED = int(os.environ.get("PERFD_SEED", "1"))
ROOT = Path(__file__).parents[2]


def life(directory: Path, first: int, chance: random.Random) -> list[str]:
    """Run a child, kill it, and return all that it said.

    Half of them die at a random moment, which is often while they start or replay; half after a
    random number of lines, which is while they receive, flush or pack.
    """
    command = [sys.executable, "-m", "tests.store.crash_child", str(directory), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = []
        if chance.random() < 0.5:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(chance.uniform(0.1, 0.9))
        else:
            said = list(itertools.islice(child.stdout, chance.randrange(1, 900)))
        child.kill()
        said += child.stdout.readlines()
    assert child.returncode == -9, "the child ended by itself"
    return [line for line in said if line.endswith("\n")]


def stored(directory: Path) -> Counter[int]:
    """How often each item is in the store, after a replay."""
    daemon = Daemon(directory)
    daemon.replay()
    found: Counter[int] = Counter()
    for window in daemon.store.windows(REQUESTS, {}, 0.0, 1e11):
        found.update(window.histogram.buckets)
        assert window.count == window.histogram.count == sum(window.histogram.buckets.values())
    daemon.log.close()
    daemon.store.close()
    return found


@pytest.mark.soak
@pytest.mark.slow
def test_every_acknowledged_item_is_counted_once(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    offered: set[int] = set()
    acknowledged: set[int] = set()
    for _ in range(KILLS):
        said = life(tmp_path, max(offered, default=-1) + 1, chance)
        offered |= {int(line[2:]) for line in said if line.startswith("o")}
        acknowledged |= {int(line[2:]) for line in said if line.startswith("a")}
    found = stored(tmp_path)
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged, {len(offered)} offered")
    assert len(acknowledged) > 50 * KILLS
    assert not acknowledged - set(found), "acknowledged and lost"
    assert not [item for item, count in found.items() if count > 1], "counted twice"
    assert set(found) <= offered
    packed = open_store(tmp_path, CountingMeter())
    with packed._database.reading() as connection:
        (chunks,) = connection.execute("SELECT count(*) FROM window_chunk").fetchone()
    packed.close()
    assert chunks > KILLS / 10, "packing was never interrupted"


def test_the_test_can_fail(tmp_path: Path) -> None:
    """Control: a log whose position is not stored with the windows counts items twice."""
    meter = CountingMeter()
    store = open_store(tmp_path, meter)
    log = open_log(tmp_path, -1, meter)
    log.append("traces", "m", "", 0.0, b"7")
    log.close()
    store.close()
    for _ in range(2):
        daemon = Daemon(tmp_path)
        for record in daemon.log.replay(-1):
            daemon.apply(-1, record.body)
        daemon.store.append(daemon.take())
        daemon.log.close()
        daemon.store.close()
    assert stored(tmp_path)[7] > 1
