"""Deploys in the traffic: rises through 1 %, and what only looks like one."""

from collections.abc import Mapping

import numpy as np

from perfd.detect.deploys import Traffic, VersionWatch, joined
from perfd.model.deploy import Deploy

WIDTH = 60.0


class Service:
    """Feeds a watch minute by minute."""

    def __init__(self, seed: int = 3) -> None:
        self.watch = VersionWatch("pricing", "test", WIDTH, 900.0)
        self.rng = np.random.default_rng(seed)
        self.minute = 0
        self.deploys: list[Deploy] = []

    def serve(self, minutes: int, rates: Mapping[str, float]) -> None:
        for _ in range(minutes):
            counts = {v: int(self.rng.poisson(rate)) for v, rate in rates.items()}
            counts = {v: n for v, n in counts.items() if n}
            if counts:
                self.deploys += self.watch.see(Traffic(self.minute * WIDTH, counts))
            self.minute += 1

    @property
    def story(self) -> list[tuple[str, str, float]]:
        return [(d.previous, d.version, d.at / WIDTH) for d in self.deploys]


def test_a_rolling_deploy_is_one() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    for share in (0.2, 0.4, 0.6, 0.8):
        service.serve(1, {"1": 100 * (1 - share), "2": 100 * share})
    service.serve(60, {"2": 100})
    assert service.story == [("1", "2", 60.0)]


def test_a_rollback_is_a_deploy() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    service.serve(40, {"2": 100})
    service.serve(40, {"1": 100})
    assert service.story == [("1", "2", 60.0), ("2", "1", 100.0)]


def test_a_canary_that_is_taken_back_is_a_deploy_of_what_stayed() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    service.serve(60, {"1": 190, "2": 10})
    service.serve(60, {"1": 200})
    assert service.story == [("1", "2", 60.0), ("2", "1", 120.0)]
    assert [d.source for d in service.deploys] == ["traffic", "withdrawn"]


def test_after_a_restart_a_canary_is_still_known_as_one() -> None:
    service = Service()
    service.watch.resume(
        Traffic(-3600.0, {"1": 6000, "2": 300}), [Deploy("pricing", "test", "2", "1", -7200.0)]
    )
    service.serve(60, {"1": 100})
    assert [(d.previous, d.version, d.source) for d in service.deploys] == [("2", "1", "withdrawn")]


def test_a_promoted_canary_takes_nothing_back() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    service.serve(60, {"1": 95, "2": 5})
    service.serve(120, {"2": 100})
    assert service.story == [("1", "2", 60.0)]


def test_a_canary_that_fades_is_taken_back_when_its_last_request_was() -> None:
    service = Service()
    service.serve(60, {"1": 1000})
    service.serve(60, {"1": 900, "2": 100})
    service.serve(30, {"1": 1000, "2": 5})
    service.serve(60, {"1": 1000})
    assert service.story == [("1", "2", 60.0), ("2", "1", 150.0)]


def test_stragglers_of_the_old_version_are_none() -> None:
    service = Service()
    service.serve(60, {"1": 1000})
    service.serve(300, {"2": 1000, "1": 3})
    assert service.story == [("1", "2", 60.0)]


def test_a_version_that_hovers_around_one_percent_is_few() -> None:
    service = Service()
    service.serve(60, {"1": 1000})
    for share in (0.5, 2.0) * 120:
        service.serve(5, {"1": 1000, "2": 10 * share})
    assert len(service.story) <= 2


def test_a_canary_below_one_percent_is_none_until_it_rises() -> None:
    service = Service()
    service.serve(60, {"1": 1000})
    service.serve(120, {"1": 1000, "2": 4})
    assert service.story == []
    service.serve(30, {"1": 950, "2": 50})
    assert [s[:2] for s in service.story] == [("1", "2")]


def test_few_requests_are_enough_when_all_are_of_the_new_version() -> None:
    service = Service()
    service.serve(120, {"1": 1})
    service.serve(60, {"2": 1})
    assert [s[:2] for s in service.story] == [("1", "2")]


def test_two_deploys_within_the_join_time_are_one_from_the_first() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    service.serve(8, {"2": 100})
    service.serve(40, {"3": 100})
    assert service.story == [("1", "2", 60.0), ("1", "3", 68.0)]


def test_versions_that_were_there_at_first_are_no_deploys() -> None:
    service = Service()
    service.serve(60, {"1": 100, "2": 50})
    assert service.story == []


def test_an_unknown_version_is_none() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    service.serve(60, {"unknown": 100, "": 10, "_other": 10})
    assert service.story == []


def test_silence_is_no_change() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    service.serve(600, {})
    service.serve(60, {"1": 100})
    assert service.story == []
    service.serve(600, {})
    service.serve(10, {"2": 100})
    assert [s[:2] for s in service.story] == [("1", "2")]


def test_after_a_restart_the_deploy_of_an_hour_ago_is_not_found_again() -> None:
    watch = VersionWatch("pricing", "test", WIDTH, 900.0)
    watch.resume(Traffic(0.0, {"1": 6000}))
    watch.resume(Traffic(3600.0, {"1": 3000, "2": 3000}))
    assert watch.see(Traffic(7200.0, {"2": 100})) == []
    assert watch.serving == {"1", "2"}


def test_an_announcement_is_completed_by_the_traffic() -> None:
    told = Deploy("pricing", "test", "2", "", 1000.0, source="announced", commit="abc")
    seen = Deploy("pricing", "test", "2", "1", 1400.0)
    whole = joined(seen, [told], 900.0)
    assert (whole.id, whole.commit, whole.previous) == (told.id, "abc", "1")
    assert joined(seen, [told], 300.0) is seen


def test_a_rollback_behind_a_silence_is_a_deploy() -> None:
    service = Service()
    service.serve(60, {"1": 100})
    service.serve(40, {"2": 100})
    service.serve(45, {})
    service.serve(20, {"1": 100})
    assert service.story == [("1", "2", 60.0), ("2", "1", 145.0)]


def test_a_restart_is_what_was_announced() -> None:
    told = Deploy("pricing", "test", "2", "", 1000.0, source="announced", commit="abc")
    restart = Deploy("pricing", "test", "unknown", "unknown", 1300.0, source="restart")
    assert joined(restart, [told], 900.0) == Deploy(
        "pricing", "test", "2", "unknown", 1000.0, source="announced", commit="abc"
    )
    assert joined(restart, [told], 200.0) == restart


def test_telemetry_that_is_minutes_late() -> None:
    """One version's pipeline is three windows late: it is found all the same, and since when."""
    watch = VersionWatch("pricing", "prod", 60.0, 900.0)
    found = []
    for minute in range(40):
        old = {"1.0.0": 100}
        found += watch.see_late(Traffic(60.0 * minute, old))
        if minute >= 23:
            found += watch.see_late(Traffic(60.0 * (minute - 3), old | {"1.1.0": 50}))
    assert [(d.version, d.previous, d.at) for d in found] == [("1.1.0", "1.0.0", 1200.0)]
