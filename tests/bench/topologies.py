"""How often a change in a graph of services gets its ticket where it was made, and nowhere else.

    python -m tests.bench.topologies [--topologies 500] [--seed 1000000] [--jobs 2] [--minutes 60]

Each random topology (tests/bench/topology_graph.py says what they consist of) is drawn as traces,
counted into windows (tests/bench/topology_windows.py), and judged by the daemon's own job at the
shipped defaults: it finds the deploys in the traffic and looks at them after 30 and 40 minutes. A
topology is right when exactly the changed and deployed services have a ticket. A fifth of them are
run again with the deploys and without the changes. The control, for a fifth of them, is the same
job without the windows of own time and of calls: it must fail, since it blames everybody who waits.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from perfd.detect.settings import DetectSettings
from perfd.interfaces import Labels
from perfd.jobs.detect import DetectJob
from perfd.model.batch import Document
from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.finding import Finding
from perfd.model.series import CALLS, LINKS, OWN_TIME, RETRIES, Series
from perfd.model.times import LATENESS
from perfd.model.window import Window
from perfd.store.memory import MemoryStore
from perfd.store.settings import StoreSettings
from perfd.tickets.codec import document
from tests.bench.topology_graph import DATABASE, Topology, random_topology, unchanged
from tests.bench.topology_traffic import MINUTE, START, TRAIN, Traffic
from tests.bench.topology_windows import Counted
from tests.fakes import CountingMeter

EVALUATION_SEED = 1_000_000
LOOKS = (15.0, 33.0 + TRAIN, 43.0 + TRAIN)  # minutes after START: find the deploys, and two looks
EDGES = (OWN_TIME, CALLS, RETRIES, LINKS)
GOAL = 0.97
FAR = 0.2  # that the control must be behind
EACH = 5  # of so many topologies one has the control, and one is run without its changes as well


class IndexedStore(MemoryStore):
    """The store without a disk, with its windows by name and service, since there are so many."""

    def __init__(self, windows: Iterable[Window]) -> None:
        super().__init__(StoreSettings(), pace=1.0, meter=CountingMeter())
        self._held: defaultdict[tuple[str, str], dict[Series, list[Window]]] = defaultdict(dict)
        for window in windows:
            of = self._held[window.series.name, window.series.label.get("service", "")]
            of.setdefault(window.series, []).append(window)
        for series in self._held.values():
            for held in series.values():
                held.sort(key=lambda w: w.start)

    def without(self, names: Iterable[str]) -> IndexedStore:
        """The same without windows of these names."""
        left = (key for key in self._held if key[0] not in names)
        return IndexedStore(w for key in left for held in self._held[key].values() for w in held)

    def series(self, name: str, labels: Labels | None = None) -> Sequence[Series]:
        return sorted(self._matching_series(name, labels or {}), key=lambda s: s.labels)

    def windows(
        self, name: str, labels: Labels, start: float, end: float, step: float | None = None
    ) -> Sequence[Window]:
        found: list[Window] = []
        for series in self.series(name, labels):
            held = self._held[name, series.label.get("service", "")][series]
            inside = [w for w in held if start <= w.start < end]
            found += _stepped(inside, step) if step else inside
        return found

    def _matching_series(self, name: str, labels: Labels) -> list[Series]:
        wanted = labels.get("service")
        keys = [key for key in self._held if key[0] == name and wanted in (None, key[1])]
        return [s for key in keys for s in self._held[key] if s.matches(name, labels)]


def _stepped(windows: Iterable[Window], step: float) -> list[Window]:
    merged: dict[float, Window] = {}
    for window in windows:
        at = window.start // step * step
        moved = Window(window.series, at, step, window.count, window.errors, window.histogram)
        merged[at] = merged[at].merge(moved) if at in merged else moved
    return list(merged.values())


# --- one topology ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    seed: int
    changed: bool
    control: bool = True


@dataclass(frozen=True)
class Outcome:
    """Which nodes must have a ticket, which have one, and which have one in the control if asked.

    `reasons` are what was said, where it was wrong.
    """

    seed: int
    changed: bool
    nodes: int
    slow_database: bool
    guilty: frozenset[str]
    blamed: frozenset[str]
    control: frozenset[str] | None
    reasons: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return self.blamed == self.guilty


def run(task: Task) -> Outcome:
    """Draw and judge one topology."""
    topology = random_topology(task.seed) if task.changed else unchanged(task.seed)
    store = IndexedStore(Counted(Traffic(topology, task.seed)).windows())
    control = blamed(store.without(EDGES))[0] if task.control else None
    found, reasons = blamed(store)
    guilty = frozenset(topology.nodes[i].name for i in topology.guilty)
    said = () if found == guilty else reasons
    size, database = len(topology.nodes), _slow_database(topology)
    return Outcome(task.seed, task.changed, size, database, guilty, found, control, said)


def blamed(store: IndexedStore) -> tuple[frozenset[str], tuple[str, ...]]:
    """The services that have a ticket after both looks, and what was said of the others."""
    findings: dict[str, Finding] = {}

    def record(found: Sequence[Found], deploys: Sequence[Deploy], now: float) -> None:
        findings.update({f.finding.id: f.finding for f in found})
        store.put([_document(store, d) for d in deploys])

    job = DetectJob(store, record, DetectSettings(), 1.0, CountingMeter())
    opened: set[str] = set()
    for minutes in LOOKS:
        job.run(START + minutes * MINUTE + LATENESS)
        opened |= {f.service for f in findings.values() if f.opened}
    return frozenset(opened), tuple(
        f"{f.service} {f.metric} {'opened' if f.opened else 'not opened'}: "
        + " | ".join(f"{c.name}{'' if c.passed else ' FAILED'}: {c.verdict}" for c in f.checks)
        for f in findings.values()
    )


def _document(store: MemoryStore, deploy: Deploy) -> Document:
    return document(deploy, deploy.id, store.next_revision(), deploy.at)


def _slow_database(topology: Topology) -> bool:
    return any(topology.nodes[c.node].kind == DATABASE for c in topology.changes)


# --- the table ------------------------------------------------------------------------------------


def row(name: str, outcomes: Sequence[Outcome]) -> str:
    """Of the topologies, and of those in which the control was asked as well."""
    if not outcomes:
        return f"{name:<32} {0:5d}"
    missed = sum(len(o.guilty - o.blamed) for o in outcomes)
    wrong = sum(len(o.blamed - o.guilty) for o in outcomes)
    right = sum(o.right for o in outcomes) / len(outcomes)
    return f"{name:<32} {len(outcomes):5d}  {right:6.1%}  {missed:6d}  {wrong:5d}" + _control(
        outcomes
    )


def _control(outcomes: Sequence[Outcome]) -> str:
    asked = [(o.guilty, o.control) for o in outcomes if o.control is not None]
    if not asked:
        return ""
    right = sum(guilty == control for guilty, control in asked) / len(asked)
    wrong = sum(len(control - guilty) for guilty, control in asked)
    return f"   {len(asked):5d}  {right:6.1%}  {wrong:5d}"


def main(arguments: Sequence[str]) -> int:
    """The table; 1 when fewer topologies than the goal are right, or the control is as good."""
    parser = argparse.ArgumentParser(prog="topologies", description=__doc__.splitlines()[0])
    parser.add_argument("--topologies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=EVALUATION_SEED)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=60.0, help="report what is done by then")
    parser.add_argument("--explain", action="store_true", help="say what was judged wrongly")
    options = parser.parse_args(arguments)
    outcomes: list[Outcome] = []
    until = time.monotonic() + 60.0 * options.minutes
    with ProcessPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(run, _tasks(options.seed, options.topologies)):
            outcomes.append(outcome)
            _progress(outcomes, explain=options.explain)
            if time.monotonic() > until:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    return _report([o for o in outcomes if o.changed], [o for o in outcomes if not o.changed])


def _tasks(seed: int, topologies: int) -> Iterator[Task]:
    """Every fifth once more without a change, and every fifth with the control."""
    for number in range(seed, seed + topologies):
        yield Task(number, changed=True, control=number % EACH == 0)
        if number % EACH == 1:
            yield Task(number, changed=False, control=False)


def _progress(outcomes: Sequence[Outcome], *, explain: bool) -> None:
    if explain and not outcomes[-1].right:
        _explain(outcomes[-1])
    if len(outcomes) % 50 == 0:
        right = sum(o.right for o in outcomes)
        print(f"{right} of {len(outcomes)} right so far", file=sys.stderr, flush=True)


def _report(changed: Sequence[Outcome], same: Sequence[Outcome]) -> int:
    print(f"seeds {changed[0].seed} … {changed[-1].seed}")
    print(f"{'':<32} {'':>5}  {'right':>6}  {'missed':>6}  wrong   control   right  wrong")
    for name, chosen in _groups(changed).items():
        print(row(name, chosen))
    print(row("deploys and no change", same))
    right = sum(o.right for o in changed) / len(changed)
    asked = [o.control == o.guilty for o in changed if o.control is not None]
    fooled = not asked or sum(asked) / len(asked) > right - FAR
    return int(right < GOAL or fooled or any(not o.right for o in same))


def _groups(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    return {
        "all": list(outcomes),
        "one change": [o for o in outcomes if len(o.guilty) == 1],
        "several": [o for o in outcomes if len(o.guilty) > 1],
        "a change that nobody deployed": [
            o for o in outcomes if not o.guilty and not o.slow_database
        ],
        "a slow database": [o for o in outcomes if o.slow_database],
        "up to 12 nodes": [o for o in outcomes if o.nodes <= 12],
        "more than 25 nodes": [o for o in outcomes if o.nodes > 25],
    }


def _explain(outcome: Outcome) -> None:
    print(f"seed {outcome.seed}: guilty {sorted(outcome.guilty)}, blamed {sorted(outcome.blamed)}")
    for name in sorted(outcome.guilty ^ outcome.blamed):
        said = [reason for reason in outcome.reasons if reason.startswith(f"{name} ")]
        print("\n    ".join([f"  {name}:", *said]), flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
