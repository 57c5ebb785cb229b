"""Single-instance shift: one bad host or process is no regression of the code that all run."""

from __future__ import annotations

from collections.abc import Mapping

from perfd.detect.candidate import Candidate
from perfd.detect.estimate import Comparison
from perfd.detect.instances import Instance, against, instances
from perfd.detect.wording import bound
from perfd.model.finding import Check

NAME = "one instance"
LEFT = 0.3  # of the service's shift that has to be left without its worst instance
DOUBT = 1e-3  # of the service's shift, above which instances cannot tell it apart


def check(candidate: Candidate) -> Check | None:
    """The change of the whole service without the instance that is worst."""
    before, after = instances(candidate, before=True), instances(candidate, before=False)
    whole = against(candidate, before, after)
    if len(after) < 2 or whole is None or whole.p > DOUBT:
        return None
    without = {name: against(candidate, before, _but(after, name)) for name in after}
    left = {name: one for name, one in without.items() if one is not None}
    if not left:
        return None
    worst = min(left, key=lambda name: left[name].shift)
    return _verdict(worst, left[worst], whole, len(after))


def _verdict(worst: str, without: Comparison, whole: Comparison, of: int) -> Check:
    inputs: dict[str, float | int | str] = {
        "instances": of,
        "worst": worst,
        "shift": whole.shift,
        "without": without.shift,
    }
    words = f"without it the service is at {bound(without, without.shift)}"
    if without.shift < LEFT * whole.shift:
        verdict = f"only instance {worst} of {of} is worse: {words}"
        return Check(NAME, False, verdict, inputs)
    return Check(NAME, True, f"not only the worst of {of} instances: {words}", inputs)


def _but(held: Mapping[str, Instance], name: str) -> dict[str, Instance]:
    return {other: one for other, one in held.items() if other != name}
