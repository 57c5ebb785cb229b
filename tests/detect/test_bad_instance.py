"""One instance beside its peers: what is told of it, and all that is not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from perfd.detect.bad_instance import BadInstance, InstanceWatch
from perfd.jobs.instances import InstanceJob
from perfd.model.histogram import Histogram
from perfd.model.series import INSTANCE_REQUESTS, STEADY, Series
from perfd.model.window import Window
from tests.detect.world import Version, World

MINUTE = 60.0
OLD = Version("1.0.0")
FLEET = [replace(OLD, instance=f"i-{n}") for n in range(4)]


class Fleet:
    """Instances of one version, whose latency follows a weather that all of them share."""

    def __init__(self, seed: int, instances: int = 4, rate: int = 60) -> None:
        self.rng = np.random.default_rng(seed)
        self.watch = InstanceWatch(1.0)
        self.minute = 0
        self.names = [f"i-{n}" for n in range(instances)]
        self.rate = rate
        self.factor: dict[str, float] = {}
        self.weather = self.own = 0.0

    def run(self, minutes: int) -> list[BadInstance]:
        found = []
        for _ in range(minutes):
            self.weather = 0.7 * self.weather + self.rng.normal(0.0, 0.02)
            windows = [self._window(name) for name in self.names]
            found += self.watch.see(self.minute * MINUTE, windows)
            self.minute += 1
        return found

    def _window(self, name: str) -> Window:
        level = math.log(0.02 * self.factor.get(name, 1.0)) + self.weather
        values = np.exp(self.rng.normal(level, 0.8, self.rate))
        series = Series.of(INSTANCE_REQUESTS, version="1.0.0", instance=name, phase=STEADY)
        held = Histogram.of(values.tolist())
        return Window(series, self.minute * MINUTE, MINUTE, self.rate, 0, held)


def test_one_that_gets_slow_is_told_with_its_time() -> None:
    fleet = Fleet(1)
    assert fleet.run(90) == []
    fleet.factor["i-2"] = 1.6
    (bad,) = fleet.run(45)
    assert bad.instance == "i-2"
    assert bad.since == pytest.approx(90 * MINUTE, abs=300.0)
    assert math.exp(bad.excess.low) < 1.6 < math.exp(bad.excess.high)
    assert fleet.run(60) == []


def test_it_is_told_again_only_after_it_recovered() -> None:
    fleet = Fleet(2)
    fleet.run(90)
    told = []
    for factor in (1.8, 1.0, 1.8):
        fleet.factor["i-0"] = factor
        told.append(len(fleet.run(100)))
    assert told == [1, 0, 1]


def test_a_new_one_has_only_its_peers() -> None:
    fleet = Fleet(3)
    fleet.run(90)
    fleet.names.append("i-9")
    fleet.factor["i-9"] = 1.7
    assert [bad.instance for bad in fleet.run(45)] == ["i-9"]


def test_one_that_always_differs_is_as_it_was() -> None:
    """Its requests are others: after the watch has begun with it, it is no news."""
    fleet = Fleet(4, instances=3)
    fleet.factor["i-1"] = 2.0
    assert fleet.run(240) == []


def test_when_the_others_get_faster_it_did_not_get_slow() -> None:
    fleet = Fleet(8, instances=2)
    fleet.run(90)
    fleet.factor["i-0"] = 0.5
    assert fleet.run(60) == []


def test_when_all_get_slow_it_is_about_none_of_them() -> None:
    fleet = Fleet(5)
    fleet.run(90)
    fleet.factor = dict.fromkeys(fleet.names, 1.8)
    assert fleet.run(60) == []


def test_when_half_get_slow_it_is_not_about_an_instance() -> None:
    fleet = Fleet(6)
    fleet.run(90)
    fleet.factor = {"i-0": 1.8, "i-1": 1.8}
    assert fleet.run(60) == []


def test_a_day_of_nothing_tells_nothing() -> None:
    assert Fleet(7, instances=6, rate=20).run(1440) == []


def test_the_job_records_one_finding_and_opens_nothing() -> None:
    world = World()
    job = InstanceJob(world.store, world._record, 1.0)
    world.run(70, *FLEET, detect=False)
    world.run(45, *FLEET[:3], replace(FLEET[3], latency=0.04, host="node-7"), detect=False)
    job.run(world.now + 15.0)
    InstanceJob(world.store, world._record, 1.0).run(world.now + 15.0)
    (finding,) = world.findings.values()
    assert (finding.kind, finding.opened, finding.series.label["instance"]) == (
        "saturation",
        False,
        "i-3",
    )
    assert finding.reason.startswith("only instance i-3 on node-7 is slower than its 3 peers")
    assert finding.effect is not None
    assert finding.effect.ratio == pytest.approx(2.0, rel=0.2)
