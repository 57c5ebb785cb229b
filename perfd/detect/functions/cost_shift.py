"""Cost shift: the cost came from next door, and the house costs what it did.

For each domain that holds the function, two one-sided tests (Schuirmann 1987) ask whether the
domain stayed as it was: whether its change lies within a fifth of the function's, beyond doubt; of
near domains, in which nothing else could have moved, within half. Both are counted in samples
outside of the domain: as shares of all, a domain that is most of the program could not rise at
all, and would explain everything.
"""

from __future__ import annotations

from perfd.detect.functions.comparison import Comparison
from perfd.detect.functions.domains import Domain, domains
from perfd.detect.functions.rise import Rise
from perfd.detect.functions.tree import Array, Tree
from perfd.model.finding import Check, Interval

NAME = "cost shift"
EQUIVALENT = 0.2  # of the function's change
NEARLY = 0.5  # the same of near domains
LARGEST = 20.0  # times the function: of a larger domain that is not near a change is not seen
NORMAL_90 = 1.6448536269514722  # each of the two tests at 5 %
MOST = 0.9  # of all samples: outside of a larger domain there is too little to count in
GONE = 0.02  # of what it was: a rollout leaves the old code in a few last samples


def check(rise: Rise) -> Check:
    """No domain that stayed as it was."""
    asked = 0
    for domain in domains(rise.level, rise.function, own=rise.own):
        found = shifted(rise, domain)
        if found is None:
            continue
        asked += 1
        if equivalent(found, domain):
            low, high = found
            verdict = (
                f"{domain.name} changed by {low:+.0%} to {high:+.0%} of its rise: the cost moved"
            )
            return Check(NAME, False, verdict, {"domain": domain.name, "low": low, "high": high})
    return Check(NAME, True, f"{asked} domains around it; each rose with it", {"domains": asked})


def equivalent(change: Interval, domain: Domain) -> bool:
    """Whether the domain stayed as it was."""
    margin = NEARLY if domain.near else EQUIVALENT
    return change[0] >= -margin and change[1] <= margin


def shifted(rise: Rise, domain: Domain) -> Interval | None:
    """90 % interval of the domain's change by the function's; None where that says nothing."""
    tree = rise.level
    whole = tree.compared(domain.counts)
    function = tree.compared(
        tree.self_of(rise.function) if rise.own else tree.total((rise.function,))
    )
    if whole is None or function is None or max(whole.before, whole.after) > MOST:
        return None
    if not domain.near and whole.after > LARGEST * function.after:
        return None
    change = _odds(function, whole)
    if change <= 0.0:
        return None
    moved, error = _odds(whole, whole), _odds_error(whole)
    return (moved - NORMAL_90 * error) / change, (moved + NORMAL_90 * error) / change


def gone(tree: Tree, counts: Array) -> bool:
    """Whether it was there before, and is not any more."""
    found = tree.compared(counts)
    return found is not None and found.k1 < GONE * found.k0 * found.n1 / found.n0


def _odds(part: Comparison, domain: Comparison) -> float:
    """The change of a part, in samples outside of the domain."""
    return part.k1 / (domain.n1 - domain.k1) - part.k0 / (domain.n0 - domain.k0)


def _odds_error(domain: Comparison) -> float:
    """Standard error of the change of the domain's odds."""
    variance = 0.0
    for k, n in ((domain.k0, domain.n0), (domain.k1, domain.n1)):
        p = min((k + 0.5) / (n + 1.0), 1.0 - 1e-9)
        variance += domain.phi * p / (n * (1.0 - p) ** 3)
    error: float = variance**0.5
    return error
