import os
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from perfd.model.series import CPU_SHARE, CPU_TIME, CPU_WAIT, MEMORY, Resource
from perfd.model.window import Reading
from perfd.sources.processes import MOST_THREADS
from perfd.sources.sample_settings import SampleSettings
from perfd.sources.sampler import ResourceSampler
from tests.fakes import CountingMeter
from tests.sources.machine import TICKS, Machine

OWN = Resource("perfd", "0.1.0", "prod", "node-1")
CONTAINER = "4f" * 32
POD = "0a1b2c3d-1111-2222-3333-444455556666"

pytestmark = pytest.mark.skipif(os.sysconf("SC_CLK_TCK") != TICKS, reason="100 ticks a second")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.process(10, name="perfd", cpu=1.0, memory=8192, cgroup="/system.slice/perfd.service")
    return made


class Rig:
    """A sampler on a machine, for senders that may change."""

    def __init__(self, machine: Machine, *senders: Resource, **settings: bool | int) -> None:
        self.meter = CountingMeter()
        self.senders = list(senders)
        self.now = 1000.0
        self.sampler = ResourceSampler(
            lambda: self.senders,
            own=OWN,
            own_pid=10,
            host=machine.host,
            settings=SampleSettings(**{"host": False, **settings}),
            meter=self.meter,
            proc=machine.proc,
            cgroups=machine.cgroups,
        )

    def sample(self, after: float = 10.0) -> dict[tuple[str, str], float]:
        """Readings by name and by service or container."""
        self.now += after
        return {(r.series.name, subject(r)): r.value for r in self.sampler.sample(self.now)}

    def failures(self, reason: str) -> float:
        return self.meter.total("perfd_sample_failures", reason=reason)


def subject(reading: Reading) -> str:
    label = reading.series.label
    return label.get("service") or label.get("container") or label["host"]


def sender(service: str = "shop", **attributes: str) -> Resource:
    named = {key.replace("_", "."): value for key, value in attributes.items()}
    return Resource(service, "1.0", "prod", f"{service}-1", tuple(sorted(named.items())))


def here(pid: int, service: str = "shop", host: str = "node-1") -> Resource:
    return sender(service, host_name=host, process_pid=str(pid))


def test_cpu_is_what_was_added_and_memory_what_there_is(machine: Machine) -> None:
    machine.process(20, cpu=5.0, memory=40960, name="weird) (name")
    rig = Rig(machine, here(20))
    assert rig.sample() == {(MEMORY, "perfd"): 8192, (MEMORY, "shop"): 40960}
    machine.process(20, cpu=7.5, memory=36864)
    second = rig.sample()
    assert second[CPU_TIME, "shop"] == pytest.approx(2.5)
    assert second[MEMORY, "shop"] == 36864
    assert second[CPU_TIME, "perfd"] == 0.0


def test_the_series_says_who_it_is(machine: Machine) -> None:
    machine.process(20)
    rig = Rig(machine, here(20))
    labels = [r.series.label for r in rig.sampler.sample(1.0)]
    assert {
        "service": "shop",
        "version": "1.0",
        "environment": "prod",
        "instance": "shop-1",
    } in labels


def test_processes_of_one_instance_are_added_up(machine: Machine) -> None:
    machine.process(20, cpu=1.0, memory=4096)
    machine.process(21, cpu=1.0, memory=8192)
    rig = Rig(machine, here(20), here(21))
    rig.sample()
    machine.process(20, cpu=2.0)
    machine.process(21, cpu=4.0)
    assert rig.sample()[CPU_TIME, "shop"] == pytest.approx(4.0)


def test_what_an_instance_has_of_its_host(machine: Machine) -> None:
    machine.process(20, cpu=1.0)
    machine.waited(20, t20=1.0, t21=5.0)
    rig = Rig(machine, here(20))
    assert (CPU_WAIT, "shop") not in rig.sample()
    machine.process(20, cpu=6.0)
    machine.waited(20, t20=1.5, t21=5.0, t22=0.25)
    second = rig.sample(after=10.0)
    assert second[CPU_SHARE, "shop"] == pytest.approx(0.5 / (os.cpu_count() or 1))
    assert second[CPU_WAIT, "shop"] == pytest.approx(0.75)


def test_waits_name_the_host_that_they_are_on(machine: Machine) -> None:
    machine.process(20)
    machine.waited(20, t20=0.0)
    rig = Rig(machine, here(20))
    rig.sample()
    (reading,) = [r for r in rig.sampler.sample(1020.0) if r.series.name == CPU_WAIT]
    assert (reading.series.label["host"], reading.series.label["instance"]) == ("node-1", "shop-1")


def test_a_kernel_that_keeps_no_waits_says_nothing_of_them(machine: Machine) -> None:
    machine.process(20)
    (machine.proc / "20" / "task" / "20").mkdir(parents=True)
    rig = Rig(machine, here(20))
    rig.sample()
    assert (CPU_WAIT, "shop") not in rig.sample()


def test_a_kernel_that_does_not_count_waits(machine: Machine) -> None:
    machine.process(20)
    rig = Rig(machine, here(20))
    for _ in range(2):
        machine.waited(20, t20=0.0)
        (machine.proc / "20" / "task" / "20" / "schedstat").write_text("0 0 0\n")
        assert (CPU_WAIT, "shop") not in rig.sample()


def test_waits_of_too_many_threads_are_not_read(machine: Machine) -> None:
    machine.process(20)
    machine.waited(20, **{f"t{number}": 0.0 for number in range(20, 20 + MOST_THREADS + 1)})
    rig = Rig(machine, here(20))
    rig.sample()
    assert (CPU_WAIT, "shop") not in rig.sample()


def test_a_pid_that_was_used_again_is_another_process(machine: Machine) -> None:
    machine.process(20, cpu=50.0, started=1000)
    rig = Rig(machine, here(20))
    rig.sample()
    machine.process(20, cpu=60.0, started=2000)
    assert (CPU_TIME, "shop") not in rig.sample()
    machine.process(20, cpu=61.0, started=2000)
    assert rig.sample()[CPU_TIME, "shop"] == pytest.approx(1.0)


def test_a_process_that_ended_ends_its_series_without_a_failure(machine: Machine) -> None:
    machine.process(20)
    rig = Rig(machine, here(20))
    rig.sample()
    machine.end(20)
    assert (MEMORY, "shop") not in rig.sample()
    assert rig.meter.total("perfd_sample_failures") == 0


@pytest.mark.parametrize(
    "other",
    [
        here(20, host="node-2"),
        here(20, host=""),
        sender(process_pid="20"),
        sender(host_name="node-1"),
        sender(host_name="node-1", process_pid="-20"),
        sender(host_name="node-1", process_pid="twenty"),
        sender(process_pid="20", container_id="20"),
    ],
)
def test_a_number_that_may_be_of_another_machine_is_not_matched(
    machine: Machine, other: Resource
) -> None:
    machine.process(20, cgroup="/kubepods/20")
    assert (MEMORY, "shop") not in Rig(machine, other).sample()


def test_a_host_name_may_have_its_domain(machine: Machine) -> None:
    machine.process(20)
    assert (MEMORY, "shop") in Rig(machine, here(20, host="Node-1.example.net")).sample()


def test_a_number_of_an_inner_namespace_is_not_ours(machine: Machine) -> None:
    machine.process(20, inner=1)
    rig = Rig(machine, here(20))
    assert (MEMORY, "shop") not in rig.sample()
    assert rig.failures("namespace") == 1


def test_perfd_is_nobody_else(machine: Machine) -> None:
    rig = Rig(machine, here(10))
    assert (MEMORY, "shop") not in rig.sample()
    assert rig.failures("namespace") == 1


@pytest.mark.parametrize(
    ("said", "cgroup"),
    [
        ({"container_id": CONTAINER}, f"/system.slice/docker-{CONTAINER}.scope"),
        ({"host_name": CONTAINER[:12]}, f"/docker/{CONTAINER}"),
        (
            {"k8s_pod_uid": POD},
            f"/kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/cri-{CONTAINER}.scope",
        ),
        ({"k8s_pod_uid": POD}, f"/kubepods/besteffort/pod{POD}/{CONTAINER}"),
    ],
)
def test_a_process_in_a_container_is_found_by_its_inner_number(
    machine: Machine, said: dict[str, str], cgroup: str
) -> None:
    machine.process(4000, cpu=1.0, cgroup=cgroup, inner=1, memory=12288)
    machine.process(4001, cpu=1.0, cgroup=cgroup, inner=7)
    machine.process(5000, cpu=1.0, cgroup="/docker/" + "ab" * 32, inner=1)
    assert Rig(machine, sender(process_pid="1", **said)).sample()[MEMORY, "shop"] == 12288


def test_a_sender_that_names_only_its_container_is_all_of_it(machine: Machine) -> None:
    group = f"/docker/{CONTAINER}"
    machine.process(4000, cpu=1.0, memory=4096, cgroup=group, inner=1)
    machine.process(4001, cpu=1.0, memory=8192, cgroup=group, inner=7)
    rig = Rig(machine, sender(container_id=CONTAINER))
    assert rig.sample()[MEMORY, "shop"] == 12288
    machine.process(4002, memory=4096, cgroup=group, inner=8)
    assert rig.sample(after=31.0)[MEMORY, "shop"] == 16384


def test_two_who_claim_one_process_do_not_count_it_twice(machine: Machine) -> None:
    machine.process(20, memory=4096)
    rig = Rig(machine, here(20), here(20, service="cart"))
    readings = rig.sample()
    assert (MEMORY, "shop") in readings
    assert (MEMORY, "cart") not in readings
    assert rig.failures("ambiguous") == 1


def test_what_was_not_found_is_looked_for_again_after_a_while(machine: Machine) -> None:
    rig = Rig(machine, here(20))
    rig.sample()
    machine.process(20)
    assert (MEMORY, "shop") not in rig.sample(after=10.0)
    assert (MEMORY, "shop") in rig.sample(after=30.0)


def test_there_is_a_bound_on_processes(machine: Machine) -> None:
    for pid in (20, 21, 22):
        machine.process(pid)
    rig = Rig(machine, *(here(pid, f"s{pid}") for pid in (20, 21, 22)), max_processes=2)
    assert sum(name == MEMORY for name, _ in rig.sample()) == 3  # with perfd itself
    assert rig.failures("too_many") == 1


def test_a_file_that_makes_no_sense_is_counted(machine: Machine) -> None:
    machine.process(20)
    (machine.proc / "20" / "stat").write_text("20 (python3) S 1\n")
    rig = Rig(machine, here(20))
    assert (MEMORY, "shop") not in rig.sample()
    assert rig.failures("malformed") == 1


def test_a_container_is_read_from_its_cgroup(machine: Machine) -> None:
    path = f"/docker/{CONTAINER}"
    machine.process(20, cgroup=path)
    machine.group(path, cpu=3.0, throttled=0.5, periods=10, memory=1 << 20, limit="2097152")
    rig = Rig(machine, here(20))
    first = rig.sample()
    assert first["container.memory.usage", CONTAINER] == 1 << 20
    assert first["container.memory.limit", CONTAINER] == 2 << 20
    assert ("container.cpu.time", CONTAINER) not in first
    machine.group(path, cpu=4.5, throttled=0.75, periods=13, memory=1 << 20)
    second = rig.sample()
    assert second["container.cpu.time", CONTAINER] == pytest.approx(1.5)
    assert second["container.cpu.throttled.time", CONTAINER] == pytest.approx(0.25)
    assert second["container.cpu.throttled.periods", CONTAINER] == 3
    assert ("container.memory.limit", CONTAINER) not in second


def test_perfd_reads_its_own_cgroup_too(machine: Machine) -> None:
    machine.group("/system.slice/perfd.service", cpu=1.0, memory=5)
    assert Rig(machine).sample()["container.memory.usage", "perfd.service"] == 5


def test_in_a_container_of_its_own_the_root_is_the_container(machine: Machine) -> None:
    machine.process(10, cgroup="/")
    machine.group("/", cpu=1.0, memory=5)
    assert Rig(machine).sample()["container.memory.usage", "node-1"] == 5


def test_the_root_of_a_host_is_no_container(machine: Machine) -> None:
    machine.process(10, cgroup="/")
    (machine.group("/", cpu=1.0, memory=5) / "cgroup.type").unlink()
    assert not [name for name, _ in Rig(machine).sample() if name.startswith("container.")]


def test_a_cgroup_that_is_gone_ends_its_series_and_may_come_back(machine: Machine) -> None:
    path = "/system.slice/perfd.service"
    rig = Rig(machine)
    folder = machine.group(path, cpu=9.0)
    rig.sample()
    shutil.rmtree(folder)
    assert not [name for name, _ in rig.sample() if name.startswith("container.")]
    machine.group(path, cpu=1.0)
    assert ("container.cpu.time", "perfd.service") not in rig.sample()
    assert rig.meter.total("perfd_sample_failures", source="cgroup") == 0


def test_a_cgroup_out_of_sight_is_counted(machine: Machine) -> None:
    machine.process(10, cgroup="/../other")
    rig = Rig(machine)
    rig.sample()
    assert rig.failures("namespace") == 1


def test_a_hybrid_tree_is_read_where_v2_is(machine: Machine) -> None:
    machine.cgroups = machine.cgroups / "unified"
    machine.group("/system.slice/perfd.service", cpu=1.0, memory=5)
    (machine.cgroups / "cgroup.procs").write_text("")
    machine.cgroups = machine.cgroups.parent
    assert Rig(machine).sample()["container.memory.usage", "perfd.service"] == 5


def test_what_is_switched_off_is_not_read(machine: Machine) -> None:
    machine.process(20)
    machine.group("/system.slice/perfd.service", cpu=1.0)
    readings = Rig(machine, here(20), containers=False, processes=False).sample()
    assert set(readings) == {(MEMORY, "perfd")}


def test_this_very_machine() -> None:
    senders: Sequence[Resource] = ()
    sampler = ResourceSampler(
        lambda: senders,
        own=OWN,
        own_pid=os.getpid(),
        host=socket.gethostname(),
        settings=SampleSettings(),
        meter=CountingMeter(),
    )
    sampler.sample(1.0)
    begun = time.process_time()
    while time.process_time() < begun + 0.05:
        sum(range(10_000))
    values = {r.series.name: r.value for r in sampler.sample(2.0)}
    assert 0.0 <= values["host.cpu.utilization"] <= 1.0
    assert values["host.memory.used"] > 0
    assert values["host.network.receive"] >= 0
    assert values[CPU_TIME] > 0.02
    assert values[MEMORY] > 1 << 20
