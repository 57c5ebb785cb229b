"""A memory limit for one process, by a cgroup of its own; needs root, v1 or v2."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
LIMITS = {  # of a hierarchy: where groups are made, the limit's file, the refusals' file
    "v1": (ROOT / "memory", "memory.limit_in_bytes", "memory.failcnt"),
    "v2": (ROOT, "memory.max", "memory.events"),
}


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One group with a limit in bytes."""

    path: Path
    limit: int
    refusals: Path

    def command(self, program: list[str]) -> list[str]:
        """The same program, which enters the group before its first instruction."""
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.path / "cgroup.procs"),
                *program]  # fmt: skip

    def told(self) -> str:
        """What the kernel says of the limit: page cache counts, and is given back at the limit."""
        counted = " ".join(self.refusals.read_text().split())
        return f"cgroup of {self.limit >> 20} MiB, {self.refusals.name} {counted}"


@contextlib.contextmanager
def limited(limit: int) -> Iterator[Cgroup | None]:
    """A group while the block runs; None where this machine does not let us make one."""
    group = _made(limit)
    try:
        yield group
    finally:
        if group is not None:
            group.path.rmdir()


def _made(limit: int) -> Cgroup | None:
    for folder, bound, refusals in LIMITS.values():
        path = folder / f"perfd-bench-{os.getpid()}"
        try:
            path.mkdir()
            (path / bound).write_text(str(limit))
        except OSError:
            with contextlib.suppress(OSError):
                path.rmdir()
        else:
            return Cgroup(path, limit, path / refusals)
    return None
