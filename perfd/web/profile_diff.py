"""Two stretches of profiles compared on request, with the formulas that tickets are made by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perfd.detect.flame import flame
from perfd.detect.profile_diff import ProfileDiff
from perfd.detect.profile_side import Paths, ProfileSide, profile_side
from perfd.detect.shares import Share, cost_change, phi_of, share, share_change
from perfd.detect.speaker import busier
from perfd.errors import NotFound
from perfd.interfaces import Store
from perfd.model.evidence import Change, FlameNode
from perfd.model.profile import Function, ProfileWindow, Symbols, Weight
from perfd.model.series import INSTANCE_REQUESTS, METRIC_INSTANCE_REQUESTS, STEADY

MOST_FUNCTIONS = 200
_NONE = Weight(0, 0)
_SECONDS = {"nanoseconds": 1e-9}

REQUEST, SECOND = "request", "second"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One side that was asked for: `[start, end)`, of one version or of all."""

    start: float
    end: float
    version: str | None


@dataclass(frozen=True, slots=True)
class FunctionChange:
    """A function on both sides; `cost` is self time in the unit of the comparison."""

    function: Function
    own: Change
    total: Change
    cost: Change
    samples: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`costs` of both sides are `unit` per `per`: per request where requests were counted."""

    unit: str
    per: str
    before: ProfileSide
    after: ProfileSide
    costs: tuple[float, float]
    functions: tuple[FunctionChange, ...]
    nodes: tuple[FlameNode, ...]


def compare(store: Store, service: str, type_: str, before: Stretch, after: Stretch) -> Comparison:
    """Raises NotFound when a side has no profile, saying which."""
    windows = [_profiles(store, service, type_, stretch) for stretch in (before, after)]
    symbols = store.symbols({node for side in windows for w in side for node in w.weights})
    paths = Paths(symbols)
    found = [profile_side(side, paths) for side in windows]
    if found[0] is None or found[1] is None:
        missing = "before" if found[0] is None else "after"
        raise NotFound(f"There is no profile {type_!r} of {service!r} in the stretch {missing!r}.")
    unit = windows[0][0].unit
    rates = [_rate(store, service, stretch) for stretch in (before, after)]
    per = REQUEST if all(rates) else SECOND
    factor = _SECONDS.get(unit, 1.0)
    costs = [
        side.value * factor / (side.seconds or 1.0) / (rate if per == REQUEST else 1.0)
        for side, rate in zip((found[0], found[1]), rates, strict=True)
    ]
    diff = ProfileDiff(found[0], found[1], (costs[0], costs[1]), (None, None))
    return Comparison(
        unit="s" if unit in _SECONDS else unit,
        per=per,
        before=found[0],
        after=found[1],
        costs=diff.costs,
        functions=_functions(diff, symbols),
        nodes=flame(diff, symbols),
    )


def _profiles(store: Store, service: str, type_: str, stretch: Stretch) -> list[ProfileWindow]:
    """Steady profiles of a type; `process_cpu:cpu` also stands for its longer names."""
    labels = _labels(service, stretch)
    return [
        window
        for window in store.profiles(labels, stretch.start, stretch.end)
        if window.series.label.get("type", "").startswith(type_)
        and window.series.label.get("phase", STEADY) == STEADY
    ]


def _rate(store: Store, service: str, stretch: Stretch) -> float:
    """Requests per second of one instance, as profiled time is that of one instance."""
    labels = _labels(service, stretch)
    spans, metric = (
        store.windows(name, labels, stretch.start, stretch.end)
        for name in (INSTANCE_REQUESTS, METRIC_INSTANCE_REQUESTS)
    )
    served = busier(spans, metric)
    windows = [w for w in served if w.series.label.get("phase", STEADY) == STEADY]
    seconds = sum(window.width for window in windows)
    return sum(window.count for window in windows) / seconds if seconds else 0.0


def _labels(service: str, stretch: Stretch) -> Mapping[str, str]:
    version = {"version": stretch.version} if stretch.version else {}
    return {"service": service, **version}


def _functions(diff: ProfileDiff, symbols: Symbols) -> tuple[FunctionChange, ...]:
    known = diff.before.total.keys() | diff.after.total.keys()
    uploads = max(diff.before.uploads, diff.after.uploads, key=len)
    found = [
        _change(diff, identity, symbols.functions[identity], phi_of(identity, uploads, own=True))
        for identity in known
        if identity in symbols.functions
    ]
    return tuple(sorted(found, key=_weight)[:MOST_FUNCTIONS])


def _weight(change: FunctionChange) -> tuple[float, float, str]:
    return -abs(change.cost.delta), -abs(change.total.delta), change.function.name


def _change(diff: ProfileDiff, identity: int, function: Function, phi: float) -> FunctionChange:
    sides: Sequence[ProfileSide] = (diff.before, diff.after)
    own = [side.own.get(identity, _NONE) for side in sides]
    total = [side.total.get(identity, _NONE) for side in sides]
    own_shares = _pair(own, sides, phi)
    return FunctionChange(
        function=function,
        own=share_change(*own_shares),
        total=share_change(*_pair(total, sides, phi)),
        cost=cost_change(*own_shares, diff.costs),
        samples=(total[0].hits, total[1].hits),
    )


def _pair(
    weights: Iterable[Weight], sides: Iterable[ProfileSide], phi: float
) -> tuple[Share, Share]:
    before, after = (
        share(weight.value / side.value, weight.hits, side.hits, phi)
        for weight, side in zip(weights, sides, strict=True)
    )
    return before, after
