"""How often a deploy is blamed for what its hosts did, and how often a regression shows on them.

    python -m tests.bench.hosts [--deploys 20] [--seed 1]

One service on one host of two cores (or four instances on four), 45 requests a minute each. A busy
host is one where something else takes 70 to 95 % of the cores after the deploy: it stretches CPU
time by a factor of 1.2 to 2, and where requests queue that adds up to 1.6 times as much to latency.
Each deploy is looked at once, 34 minutes after, by the code that the daemon runs, and three times:
with hosts and the waits of threads for a core read, with hosts alone, and with neither. The last is
the control: it must blame equal builds for busy hosts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tests.detect.world import Version, World

BEFORE, AFTER = 70, 34  # minutes
SLOWER = 1.5
USUAL = 0.15  # of the cores, used by others on a quiet host
WITH_WAITS, WITH_HOSTS, WITH_NEITHER = "hosts and waits", "hosts", "neither"


@dataclass(frozen=True)
class Row:
    """What the new build does to CPU time and to other time, and what its hosts do meanwhile.

    `busy` is the part of the time, `hosts` the part of the hosts that are busy.
    """

    name: str
    cpu: float = 1.0
    other: float = 1.0
    busy: float = 0.0
    hosts: float = 1.0
    instances: int = 1

    @property
    def equal(self) -> bool:
        """Whether a ticket would be wrong."""
        return self.cpu == self.other == 1.0


ROWS = (
    Row("equal build, quiet host"),
    Row("equal build, busy host", busy=1.0),
    Row("equal build, busy in the second half", busy=0.5),
    Row("equal build, two of four hosts busy", busy=1.0, hosts=0.5, instances=4),
    Row("burns more CPU, quiet host", cpu=SLOWER),
    Row("burns more CPU, busy host", cpu=SLOWER, busy=1.0),
    Row("burns more CPU, busy in the second half", cpu=SLOWER, busy=0.5),
    Row("waits longer, quiet host", other=SLOWER),
    Row("waits longer, busy in the second half", other=SLOWER, busy=0.5),
    Row("waits longer, two of four hosts busy", other=SLOWER, busy=1.0, hosts=0.5, instances=4),
    Row("waits longer, busy host", other=SLOWER, busy=1.0),
)


@dataclass(frozen=True)
class Draw:
    """A service and its luck: the CPU part of its latency, and what a busy host does."""

    cpu: float
    others: float
    stretch: float
    queue: float

    @classmethod
    def of(cls, row: Row, rng: np.random.Generator) -> Draw:
        """CPU is most of the latency of what burns it, and little of what waits for others."""
        cpu = rng.uniform(0.05, 0.2) if row.other > 1.0 else rng.uniform(0.5, 0.9)
        return cls(cpu, *(rng.uniform(*span) for span in ((0.7, 0.95), (1.2, 2.0), (1.0, 1.6))))


def opened(row: Row, read: str, seed: int) -> bool:
    """Whether the deploy of a seed opens a ticket; the same draw for each way of reading."""
    draw = Draw.of(row, np.random.default_rng(seed))
    world = World(seed=seed)
    names = [f"node-{n}" for n in range(row.instances)]
    crowded = set(names[: round(row.hosts * row.instances)])
    old = [_served(draw, name, "1.0.0", 1.0, 1.0, False, read) for name in names]
    world.run(BEFORE, *old, detect=False, others=_others(draw, names, set(), read))
    for begins, ends, busy in _times(row):
        now = crowded if busy else set()
        new = [_served(draw, n, "1.1.0", row.cpu, row.other, n in now, read) for n in names]
        world.run(ends - begins, *new, detect=False, others=_others(draw, names, now, read))
    world.look()
    return bool(world.opened)


def _times(row: Row) -> Iterator[tuple[int, int, bool]]:
    """Quiet at first, then busy: what comes later counts for more (persistence)."""
    since = round(AFTER * (1.0 - row.busy))
    if since:
        yield 0, since, False
    if since < AFTER:
        yield since, AFTER, True


def _served(
    draw: Draw, host: str, name: str, cpu: float, other: float, busy: bool, read: str
) -> Version:
    """What a request takes: CPU, waiting for a core, queueing for those who wait, and the rest."""
    spent = draw.cpu * cpu
    waited = spent * (draw.stretch - 1.0) if busy else 0.0
    whole = spent + waited * draw.queue + (1.0 - draw.cpu) * other
    version = Version(name, latency=0.02 * whole, cpu=spent / whole, instance=f"{name} {host}")
    if read == WITH_NEITHER:
        return version
    usual = 0.02 * spent
    waits = (waited + usual) / whole if read == WITH_WAITS else None
    return replace(version, host=host, waits=waits)


def _others(draw: Draw, names: list[str], busy: set[str], read: str) -> dict[str, float]:
    if read == WITH_NEITHER:
        return {}
    return {name: draw.others if name in busy else USUAL for name in names}


def main(argv: list[str]) -> int:
    """Print the table; 1 if hosts are blamed on builds, or the control does not blame them."""
    parser = argparse.ArgumentParser("hosts", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--deploys", type=int, default=20, help="of each row")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    ways = (WITH_WAITS, WITH_HOSTS, WITH_NEITHER)
    print(f"tickets of {options.deploys} deploys, read:".ljust(58), *(w.rjust(16) for w in ways))
    fine = True
    for row in ROWS:
        seeds = range(options.seed, options.seed + options.deploys)
        counts = {way: sum(opened(row, way, seed) for seed in seeds) for way in ways}
        wanted = "none wanted" if row.equal else "all wanted"
        print(f"{row.name} ({wanted})".ljust(58), *(f"{counts[way]:16d}" for way in ways))
        if row.equal and row.busy:
            fine = fine and max(counts[WITH_WAITS], counts[WITH_HOSTS]) <= options.deploys // 20
            fine = fine and (row.busy < 1.0 or counts[WITH_NEITHER] >= options.deploys // 2)
    print("as it should be" if fine else "NOT as it should be")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
