"""Two daemons never share a data directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfd.errors import StoreError
from perfd.store.lock import DirectoryLock

HOLD = "import sys; from pathlib import Path; from perfd.store.lock import DirectoryLock; \
DirectoryLock(Path(sys.argv[1])).acquire(); print('held', flush=True); sys.stdin.read()"


def test_the_second_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    first = DirectoryLock(tmp_path)
    first.acquire()
    with pytest.raises(StoreError, match=f"process {os.getpid()}"):
        DirectoryLock(tmp_path).acquire()
    first.release()
    again = DirectoryLock(tmp_path)
    again.acquire()
    again.release()


def test_a_killed_owner_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        with pytest.raises(StoreError):
            DirectoryLock(tmp_path).acquire()
        owner.kill()
        owner.wait()
        mine = DirectoryLock(tmp_path)
        mine.acquire()
        mine.release()
