"""What /proc tells of a process, in one read where psutil needs three.

A process is a pid *and* the time it started: pids are used again. The root is passed in, so that
tests bring their own /proc.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Docker, containerd, CRI-O and podman name a container by 64 hex digits, ECS by task and number.
_CONTAINER = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}-[0-9]{10}")


class Process(NamedTuple):
    """One reading of a process: CPU seconds since it started, resident bytes."""

    pid: int
    started: int  # clock ticks since boot: with the pid, which process it is
    name: str
    cpu: float
    memory: int


class Proc:
    """Reads one mounted proc file system; raises OSError where a process is gone or hidden."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        self._root = root

    def process(self, pid: int) -> Process:
        """The process as it is now (proc(5), `stat`)."""
        line = self._read(pid, "stat")
        # The name stands in parentheses and may hold any character, parentheses included.
        open_, close = line.index("("), line.rindex(")")
        fields = line[close + 2 :].split()
        return Process(
            pid,
            started=int(fields[19]),
            name=line[open_ + 1 : close],
            cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
            memory=int(fields[21]) * _PAGE,
        )

    def numbers(self, pid: int) -> list[int]:
        """Its pid in each pid namespace from this one inwards; [pid] when it is in ours."""
        for line in self._read(pid, "status").splitlines():
            if line.startswith("NSpid:"):
                return [int(number) for number in line.split()[1:]]
        return [pid]

    def waited(self, pid: int, most: int) -> dict[int, int]:
        """Nanoseconds that each thread was ready to run and had no core, since it started.

        The second number of schedstat (Documentation/scheduler/sched-stats.rst), all of which are 0
        where the kernel does not count. Empty then, and where there are more than `most` threads:
        reading them would cost.
        """
        folder = self._root / str(pid) / "task"
        threads = [int(entry.name) for entry in os.scandir(folder)][: most + 1]
        if len(threads) > most:
            return {}
        waited: dict[int, int] = {}
        for thread in threads:
            try:
                ran, waits, _ = (folder / str(thread) / "schedstat").read_text().split()
            except OSError:
                continue  # it has ended, or the kernel has no such file
            if int(ran):
                waited[thread] = int(waits)
        return waited

    def cgroup(self, pid: int) -> str:
        """The path of its cgroup (v2), "" where only v1 is mounted."""
        for line in self._read(pid, "cgroup").splitlines():
            if line.startswith("0::"):
                return line[3:]
        return ""

    def cgroups(self, pid: int) -> str:
        """All of its cgroups, v1's too: container runtimes and kubelet write their ids in them."""
        return self._read(pid, "cgroup")

    def pids(self) -> list[int]:
        """All processes that can be seen."""
        return [int(entry.name) for entry in os.scandir(self._root) if entry.name.isdigit()]

    def _read(self, pid: int, file: str) -> str:
        return (self._root / str(pid) / file).read_text("utf-8", "replace")


def container_in(cgroup: str) -> str:
    """The container id in a cgroup's path, "" for none."""
    found = _CONTAINER.findall(cgroup)
    return found[-1] if found else ""
