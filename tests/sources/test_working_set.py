"""A container's memory without the files that the kernel can take back."""

from __future__ import annotations

from pathlib import Path

from perfd.sources.cgroup import CgroupSampler
from tests.fakes import CountingMeter
from tests.sources.machine import Machine


def readings(tmp_path: Path, stat: str | None) -> dict[str, float]:
    tmp_path.mkdir(exist_ok=True)
    machine = Machine(tmp_path)
    folder = machine.group("/docker/shop", cpu=1.0, memory=1000, limit="2000")
    if stat is not None:
        (folder / "memory.stat").write_text(stat)
    sampler = CgroupSampler(machine.cgroups, "node-1", CountingMeter())
    read = sampler.sample(0.0, [sampler.group("/docker/shop")])
    return {reading.series.name: reading.value for reading in read}


def test_the_working_set_is_without_inactive_files(tmp_path: Path) -> None:
    read = readings(tmp_path, "anon 300\ninactive_anon 4\ninactive_file 600\nactive_file 90\n")
    assert read["container.memory.working_set"] == 400.0
    assert read["container.memory.usage"] == 1000.0


def test_without_the_file_there_is_none(tmp_path: Path) -> None:
    assert "container.memory.working_set" not in readings(tmp_path / "a", None)
    assert "container.memory.working_set" not in readings(tmp_path / "b", "anon 300\n")
