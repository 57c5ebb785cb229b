"""A machine made of files: /proc and the cgroup tree as the kernel writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

TICKS = 100


class Machine:
    """Processes and cgroups below a folder; `host` is its name."""

    def __init__(self, folder: Path, host: str = "node-1") -> None:
        self.proc = folder / "proc"
        self.cgroups = folder / "cgroup"
        self.host = host
        self.proc.mkdir()
        self.cgroups.mkdir()

    def process(
        self,
        pid: int,
        *,
        cpu: float = 0.0,
        memory: int = 4096,
        started: int = 1000,
        name: str = "python3",
        cgroup: str = "/system.slice/shop.service",
        inner: int | None = None,
    ) -> None:
        """Write a process, or what has become of it."""
        folder = self.proc / str(pid)
        folder.mkdir(exist_ok=True)
        ticks = round(cpu * TICKS)
        middle = "S 1 1 1 0 -1 4194560 100 0 0 0"
        rest = f"{ticks - ticks // 3} {ticks // 3} 7 7 20 0 3 0 {started} 999 {memory // 4096} 18"
        (folder / "stat").write_text(f"{pid} ({name}) {middle} {rest}\n")
        numbers = f"{pid}\t{inner}" if inner is not None else f"{pid}"
        (folder / "status").write_text(f"Name:\t{name}\nPid:\t{pid}\nNSpid:\t{numbers}\n")
        (folder / "cgroup").write_text(f"1:cpu:/\n0::{cgroup}\n")

    def waited(self, pid: int, **threads: float) -> None:
        """Write how many seconds its threads (`t20=1.5`) have waited for a core."""
        for name, seconds in threads.items():
            folder = self.proc / str(pid) / "task" / name.removeprefix("t")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "schedstat").write_text(f"7 {round(seconds * 1e9)} 3\n")

    def end(self, pid: int) -> None:
        """The process ends."""
        shutil.rmtree(self.proc / str(pid))

    def group(
        self,
        path: str,
        *,
        cpu: float,
        throttled: float = 0.0,
        periods: int = 0,
        memory: int = 0,
        limit: str = "max",
    ) -> Path:
        """Write a cgroup."""
        folder = self.cgroups / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.type").write_text("domain\n")
        (folder / "cpu.stat").write_text(
            f"usage_usec {round(cpu * 1e6)}\nuser_usec 1\nsystem_usec 1\nnr_periods 9\n"
            f"nr_throttled {periods}\nthrottled_usec {round(throttled * 1e6)}\n"
        )
        (folder / "memory.current").write_text(f"{memory}\n")
        (folder / "memory.max").write_text(f"{limit}\n")
        return folder
