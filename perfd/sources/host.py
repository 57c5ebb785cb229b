"""The host as a whole: CPU, load, memory, disk and network, by psutil."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psutil

from perfd.interfaces import Meter
from perfd.model.series import HOST_CPU, HOST_STEAL, Series
from perfd.model.window import Reading

LOAD = "host.load.1m"
MEMORY_USED = "host.memory.used"
MEMORY_AVAILABLE = "host.memory.available"
DISK_READ = "host.disk.read"  # bytes since the last reading, as below
DISK_WRITE = "host.disk.write"
NETWORK_RECEIVE = "host.network.receive"
NETWORK_TRANSMIT = "host.network.transmit"

# Bytes over these are counted again on the interface behind them, or never leave the host.
_INNER = ("lo", "veth", "docker", "br-", "virbr", "cni", "cali", "flannel", "vnet")

Values = dict[str, float]


class HostSampler:
    """Levels as they are, counters as what was added since the last reading."""

    def __init__(self, host: str, meter: Meter) -> None:
        self._host = host
        self._meter = meter
        self._before: Values = {}
        self._times: tuple[float, float, float] | None = None

    def sample(self, now: float) -> Iterator[Reading]:
        """What can be read now; the first reading has no counters yet."""
        for name, read in (*_LEVELS, ("cpu", self._utilization)):
            yield from self._readings(now, self._read(name, read))
        for name, read in _COUNTERS:
            yield from self._readings(now, self._growth(self._read(name, read)))

    def _read(self, source: str, read: Callable[[], Values]) -> Values:
        try:
            return read()
        except (OSError, AttributeError, ValueError, RuntimeError):
            # A file that a hardened container hides, or a kernel that lacks it.
            self._meter.count("perfd_sample_failures", source="host", reason=source)
            return {}

    def _readings(self, now: float, values: Values) -> Iterator[Reading]:
        for name, value in values.items():
            yield Reading(Series.of(name, host=self._host), now, value)

    def _growth(self, counters: Values) -> Values:
        """A counter that went back was reset, with an interface or a disk that was taken away."""
        before = {name: self._before.get(name) for name in counters}
        self._before |= counters
        return {
            name: value - was
            for name, value in counters.items()
            if (was := before[name]) is not None and value >= was
        }

    def _utilization(self) -> Values:
        """Shares of all cores in use (0…1), and of the time that the hypervisor gave to others."""
        times = psutil.cpu_times()
        idle, steal = times.idle + times.iowait, getattr(times, "steal", 0.0)
        # Guests are counted in `user` as well; time that the hypervisor stole was not ours to use.
        total = idle + times.user + times.nice + times.system + times.irq + times.softirq
        before, self._times = self._times, (idle, steal, total)
        if before is None or total <= before[2]:
            return {}
        ours = total - before[2]
        busy = 1.0 - (idle - before[0]) / ours
        stolen = max(steal - before[1], 0.0)
        return {HOST_CPU: min(max(busy, 0.0), 1.0), HOST_STEAL: stolen / (ours + stolen)}


def _load() -> Values:
    return {LOAD: psutil.getloadavg()[0]}


def _memory() -> Values:
    memory = psutil.virtual_memory()
    return {MEMORY_USED: memory.total - memory.available, MEMORY_AVAILABLE: memory.available}


def _disk() -> Values:
    counters = psutil.disk_io_counters(nowrap=False)
    if counters is None:
        return {}
    return {DISK_READ: counters.read_bytes, DISK_WRITE: counters.write_bytes}


def _network() -> Values:
    outer = [
        counters
        for name, counters in psutil.net_io_counters(pernic=True, nowrap=False).items()
        if not name.startswith(_INNER)
    ]
    return {
        NETWORK_RECEIVE: sum(c.bytes_recv for c in outer),
        NETWORK_TRANSMIT: sum(c.bytes_sent for c in outer),
    }


_LEVELS: tuple[tuple[str, Callable[[], Values]], ...] = (("load", _load), ("memory", _memory))
_COUNTERS: tuple[tuple[str, Callable[[], Values]], ...] = (("disk", _disk), ("network", _network))
