"""Finding deploys in the traffic: a version's share of a service rising through 1 %.

A version that was there before counts as well: a rollback is a deploy. Requests are few at times,
so a share is believed only when chance does not explain it, in both directions; between the two a
version stays what it was, and one that hovers around 1 % makes no series of deploys.

A canary that is taken back makes no version rise: the one that stayed is deployed in its place.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perfd.detect.tails import binomial_tail
from perfd.model.deploy import ANNOUNCED, Deploy
from perfd.model.series import OVERFLOW, UNKNOWN

SHARE = 0.01
DOUBT = 1e-3
RISE_SPANS = (5, 15, 60)  # windows over which a share may show that it has risen
FALL_SPAN = 15
FIRST_SPAN = 5  # versions that appear this soon after a service's first window were there before
NO_VERSION = frozenset({UNKNOWN, OVERFLOW, ""})
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of a service by version in one window."""

    start: float
    requests: Mapping[str, int]


class VersionWatch:
    """Which versions serve one service in one environment, window by window.

    `width` is the width of a window and `join` the time within which two deploys are one, both in
    seconds.
    """

    def __init__(self, service: str, environment: str, width: float, join: float) -> None:
        self._service = service
        self._environment = environment
        self._width = width
        self._join = join
        self._recent: deque[Traffic] = deque()
        self._first: float | None = None
        self._serving: dict[str, float] = {}  # the greatest share that each has had
        self._fell: dict[str, float] = {}  # when a version that served before was gone
        self._last: Deploy | None = None
        self._replaced: dict[str, str] = {}  # by what serves: what ran before it

    @property
    def upto(self) -> float | None:
        """The start of the newest window seen."""
        return self._recent[-1].start if self._recent else None

    @property
    def serving(self) -> frozenset[str]:
        """The versions that take traffic."""
        return frozenset(self._serving)

    def resume(self, earlier: Traffic, known: Sequence[Deploy] = ()) -> None:
        """Take up after a restart: who served in some longer interval before the next window.

        `known` are the deploys on record until then, oldest first.
        """
        self._first = -math.inf
        self._serving = _shares(earlier) or self._serving
        place = self._service, self._environment
        for deploy in known:
            if (deploy.service, deploy.environment) == place:
                self._replaced[deploy.version] = deploy.previous

    def leading(self, before: float) -> str:
        """The version that served most in the last hour before a time; "" when nobody knows."""
        seen: Counter[str] = Counter()
        for traffic in self._recent:
            if traffic.start < before:
                seen.update(traffic.requests)
        return next((v for v, _ in seen.most_common() if v not in NO_VERSION), "")

    def see(self, traffic: Traffic) -> list[Deploy]:
        """Take in the next window, and say which deploys it reveals."""
        self._recent.append(traffic)
        while self._recent[0].start <= traffic.start - RISE_SPANS[-1] * self._width:
            self._recent.popleft()
        if self._first is None:
            self._first = traffic.start
        self._drop_fallen()
        back = [deploy for v in list(self._replaced) if (deploy := self._withdrawn(v))]
        # Not only of this window: the pipeline of some hosts may be minutes behind.
        lately = {version for window in self._within(FALL_SPAN) for version in window.requests}
        waiting = sorted(lately - set(self._serving) - NO_VERSION)
        risen = [(since, version) for version in waiting if (since := self._risen(version))]
        new = [deploy for since, version in sorted(risen) if (deploy := self._add(version, since))]
        return [*back, *new]

    def see_late(self, traffic: Traffic) -> list[Deploy]:
        """The same of a window that may have been seen before, when it held less."""
        if self.upto is None or traffic.start > self.upto:
            return self.see(traffic)
        self._revise(traffic)
        return []

    def _revise(self, traffic: Traffic) -> None:
        for place, held in enumerate(self._recent):
            if held.start == traffic.start:
                self._recent[place] = traffic
            elif held.start > traffic.start:
                self._recent.insert(place, traffic)
            else:
                continue
            return

    def _risen(self, version: str) -> float | None:
        """Since when the version has traffic, if its share is above 1 % beyond doubt."""
        since = self._fell.get(version, -math.inf)
        for span in RISE_SPANS:
            windows = [t for t in self._within(span) if t.start > since]
            held, total = _count(windows, version)
            if held >= SHARE * total and binomial_tail(held, total, SHARE) < DOUBT:
                return min(t.start for t in windows if t.requests.get(version))
        return None

    def _add(self, version: str, since: float) -> Deploy | None:
        previous = self._previous(version, since)
        held, total = _count(self._within(FALL_SPAN), version)
        self._serving[version] = held / total
        assert self._first is not None
        if previous is None or since < self._first + FIRST_SPAN * self._width:
            return None
        self._last = Deploy(self._service, self._environment, version, previous, since)
        self._replaced = {v: before for v, before in self._replaced.items() if before != version}
        self._replaced[version] = previous
        return self._last

    def _previous(self, version: str, since: float) -> str | None:
        """What it replaces; two deploys within the join time are one, from the first's previous."""
        last = self._last
        if last is not None and since - last.at < self._join and last.previous != version:
            return last.previous
        # Those that serve, and those that have just gone: a silence may lie between.
        gone = sorted(self._fell, key=self._fell.__getitem__, reverse=True)
        others = [v for v in (*self._serving, *gone) if v != version]
        seen: Counter[str] = Counter()
        for traffic in self._recent:
            if traffic.start < since:
                seen.update({v: n for v, n in traffic.requests.items() if v in others})
        ranked = [v for v, _ in seen.most_common(1)] or others
        return ranked[0] if ranked else None

    def _drop_fallen(self) -> None:
        """Versions whose share is below 1 %, and far below what they have had, beyond doubt."""
        now = self._recent[-1].start
        if now - self._recent[0].start < (FALL_SPAN - 1) * self._width:
            return
        for version, peak in list(self._serving.items()):
            held, total = _count(self._within(FALL_SPAN), version)
            share = held / total if total else peak
            self._serving[version] = max(peak, share)
            expected = min(max(peak / 2.0, SHARE), 0.5)
            if share < SHARE and 1.0 - binomial_tail(held + 1, total, expected) < DOUBT:
                del self._serving[version]
                self._fell[version] = now

    def _withdrawn(self, version: str) -> Deploy | None:
        """The deploy back to what ran before a version that is gone, if that has served on."""
        if version in self._serving or _count(self._within(FALL_SPAN), version)[0]:
            return None
        stayed = self._replaced.pop(version)
        if stayed not in self._serving:
            return None
        last = max((t.start for t in self._recent if t.requests.get(version)), default=None)
        since = self._recent[0].start if last is None else last + self._width
        return Deploy(self._service, self._environment, stayed, version, since, WITHDRAWN)

    def _within(self, span: int) -> list[Traffic]:
        after = self._recent[-1].start - (span - 0.5) * self._width
        return [traffic for traffic in self._recent if traffic.start > after]


def _count(windows: Sequence[Traffic], version: str) -> tuple[int, int]:
    """Requests of a version, and of all."""
    held = sum(t.requests.get(version, 0) for t in windows)
    return held, sum(sum(t.requests.values()) for t in windows)


def joined(found: Deploy, known: Sequence[Deploy], join: float) -> Deploy:
    """The deploy on record that `found` is, completed by what the traffic says; else `found`.

    An announcement knows the commit, the traffic knows what was replaced. A restart without a
    version is whatever was announced.
    """
    place = found.service, found.environment
    for deploy in reversed(known):
        if (deploy.service, deploy.environment) != place or abs(deploy.at - found.at) >= join:
            continue
        named = found.version == UNKNOWN and deploy.source == ANNOUNCED
        if named or deploy.version == found.version:
            return replace(deploy, previous=deploy.previous or found.previous)
    return found


def unexplained(
    hours: Sequence[tuple[tuple[str, str], Traffic]],
    known: Sequence[Deploy],
    hour: float,
    join: float,
) -> float:
    """The start of the first hour in which a version rose that no known deploy explains.

    `hours` are (service, environment) and its traffic by the hour, in time order. Infinite when
    there is none. What was there in a service's first hour is no deploy.
    """
    serving: dict[tuple[str, str], dict[str, float]] = {}
    for place, traffic in hours:
        shares = _shares(traffic)
        for version in set(shares) - set(serving.get(place, shares)):
            on_record = any(
                (d.service, d.environment, d.version) == (*place, version)
                and traffic.start - join <= d.at < traffic.start + hour + join
                for d in known
            )
            if not on_record:
                return traffic.start
        serving[place] = shares or serving.get(place, {})
    return math.inf


def _shares(traffic: Traffic) -> dict[str, float]:
    """Versions with at least 1 % of an interval's requests."""
    total = sum(traffic.requests.values())
    shares = {v: n / total for v, n in traffic.requests.items() if v not in NO_VERSION and n}
    return {v: s for v, s in shares.items() if s >= SHARE}
