"""The functions whose cost moved: application code first, by self time per request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from perfd.detect.profile_diff import ProfileDiff
from perfd.detect.shares import Share, cost_change, phi_of, score, share, share_change
from perfd.model.evidence import Hotspot
from perfd.model.profile import CPU_PROFILE, Function, Symbols, Weight

FEWEST_SAMPLES = 50  # on one side; below that a share says nothing
LEAST_SCORE = 3.0  # standard errors of self or total
MOST = 12
LIBRARIES = ("site-packages", "dist-packages", "lib/python3", "<frozen", "node_modules")
NONE = Weight(0, 0)


class _Pair(NamedTuple):
    before: Share
    after: Share


def hotspots(
    diff: ProfileDiff, symbols: Symbols, named: Function | None = None
) -> tuple[Hotspot, ...]:
    """Up to a dozen functions whose self or total cost changed beyond chance, `named` first."""
    functions = diff.before.total.keys() | diff.after.total.keys()
    found = list(_changed(diff, functions, symbols))
    found.sort(key=lambda h: (not h.application, -h.per_request.delta, -h.total_share.delta))
    if named is not None:
        found.sort(key=lambda h: (h.function, h.file) != (named.name, named.file))
    return tuple(found[:MOST])


def _changed(diff: ProfileDiff, functions: set[int], symbols: Symbols) -> Iterator[Hotspot]:
    for identity in functions:
        function = symbols.functions.get(identity)
        total = _pair(diff, identity, own=False)
        if function is None or max(total.before.hits, total.after.hits) < FEWEST_SAMPLES:
            continue
        own = _pair(diff, identity, own=True)
        if max(abs(score(*own)), abs(score(*total))) >= LEAST_SCORE:
            yield _hotspot(diff, function, own, total)


def _pair(diff: ProfileDiff, function: int, *, own: bool) -> _Pair:
    uploads = max(diff.before.uploads, diff.after.uploads, key=len)
    phi = phi_of(function, uploads, own=own)
    shares = []
    for side in (diff.before, diff.after):
        weight = (side.own if own else side.total).get(function, NONE)
        shares.append(share(weight.value / side.value, weight.hits, side.hits, phi))
    return _Pair(*shares)


def _hotspot(diff: ProfileDiff, function: Function, own: _Pair, total: _Pair) -> Hotspot:
    return Hotspot(
        function=function.name,
        file=function.file,
        line=function.line,
        profile=CPU_PROFILE,
        status=_status(total),
        self_share=share_change(*own),
        total_share=share_change(*total),
        per_request=cost_change(*own, diff.costs),
        samples_before=total.before.hits,
        samples_after=total.after.hits,
        application=is_application(function),
    )


def _status(total: _Pair) -> str:
    if not total.before.hits:
        return "new"
    return "changed" if total.after.hits else "vanished"


def is_application(function: Function) -> bool:
    """Whether it is the service's own code, as far as its file tells."""
    return bool(function.file) and not any(place in function.file for place in LIBRARIES)
