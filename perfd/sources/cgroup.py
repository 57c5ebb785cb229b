"""Containers by their cgroup (v2): CPU time, throttling, memory and its limit."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from perfd.interfaces import Meter
from perfd.model.series import Series
from perfd.model.window import Reading
from perfd.sources.proc import container_in

CPU_TIME = "container.cpu.time"  # seconds since the last reading, as below
THROTTLED_TIME = "container.cpu.throttled.time"
THROTTLED_PERIODS = "container.cpu.throttled.periods"
MEMORY_USAGE = "container.memory.usage"
MEMORY_LIMIT = "container.memory.limit"
WORKING_SET = "container.memory.working_set"  # usage without files that were not read of late

ROOT = Path("/sys/fs/cgroup")
_GONE = {errno.ENOENT, errno.ENODEV}  # ENODEV: removed between opening and reading
_CPU = (
    ("usage_usec", CPU_TIME, 1e-6),
    ("throttled_usec", THROTTLED_TIME, 1e-6),
    ("nr_throttled", THROTTLED_PERIODS, 1.0),
)


class Group(NamedTuple):
    """A cgroup, and what its series are called."""

    container: str
    path: str


class CgroupSampler:
    """Reads the groups that it is told; one that is gone ends its series and is no failure."""

    def __init__(self, root: Path, host: str, meter: Meter) -> None:
        # On a hybrid system v2 is mounted beside the v1 controllers, and has none of its own.
        unified = root / "unified"
        self._root = unified if (unified / "cgroup.procs").exists() else root
        self._host = host
        self._meter = meter
        self._before: dict[Group, dict[str, float]] = {}

    def group(self, path: str) -> Group:
        """A cgroup by its path in /proc/<pid>/cgroup.

        It is called by the container's id; else by its own name (`nginx.service`); the root of a
        container that cannot see its own name is called as the host, which is the container's name.
        """
        name = container_in(path) or path.rstrip("/").rpartition("/")[2] or self._host
        return Group(name, path)

    def sample(self, now: float, groups: Iterable[Group]) -> Iterator[Reading]:
        """What can be read now."""
        wanted = set(groups)
        for ended in self._before.keys() - wanted:
            del self._before[ended]
        for group in sorted(wanted):
            for name, value in self._values(group).items():
                yield Reading(Series.of(name, container=group.container), now, value)

    def _values(self, group: Group) -> dict[str, float]:
        if ".." in group.path:  # outside of the cgroup namespace that perfd itself lives in
            self._meter.count("perfd_sample_failures", source="cgroup", reason="namespace")
            return {}
        folder = self._root / group.path.lstrip("/")
        try:
            if not (folder / "cgroup.type").exists():  # as in the root, which is the whole host
                raise FileNotFoundError(errno.ENOENT, "no cgroup", str(folder))
            return self._growth(group, folder) | _memory(folder)
        except OSError as error:
            self._before.pop(group, None)
            if error.errno not in _GONE:
                self._meter.count("perfd_sample_failures", source="cgroup", reason="unreadable")
        except ValueError:
            self._meter.count("perfd_sample_failures", source="cgroup", reason="malformed")
        return {}

    def _growth(self, group: Group, folder: Path) -> dict[str, float]:
        lines = (line.split() for line in (folder / "cpu.stat").read_text().splitlines())
        stat = {key: int(value) for key, value in lines}
        values = {name: stat[key] * unit for key, name, unit in _CPU if key in stat}
        before = self._before.get(group, {})
        self._before[group] = values
        return {
            name: value - before[name]
            for name, value in values.items()
            if name in before and value >= before[name]
        }


def _memory(folder: Path) -> dict[str, float]:
    """Usage, and the limit where there is one; nothing where the controller is not enabled."""
    usage, limit = folder / "memory.current", folder / "memory.max"
    values: dict[str, float] = {}
    for name, file in ((MEMORY_USAGE, usage), (MEMORY_LIMIT, limit)):
        try:
            text = file.read_text().strip()
        except FileNotFoundError:
            continue
        if text != "max":
            values[name] = float(text)
    return values | _working_set(folder, values.get(MEMORY_USAGE))


def _working_set(folder: Path, usage: float | None) -> dict[str, float]:
    """As the kubelet counts it: the kernel takes inactive files back before it runs out."""
    try:
        lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        inactive = float(dict(lines)["inactive_file"])
    except (FileNotFoundError, KeyError):
        return {}
    return {} if usage is None else {WORKING_SET: max(usage - inactive, 0.0)}
