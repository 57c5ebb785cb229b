"""One false-alarm budget over many tests (Holm 1979).

Controls the chance of even one wrong rejection, however the tests depend on each other; that is the
promise to keep, since one wrong ticket costs the trust in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(
    p_values: Sequence[float], weights: Sequence[float], alpha: float
) -> list[tuple[bool, float]]:
    """Whether each is significant, and the p-value that it had to stay below, in their order.

    `weights` say how the budget is shared: what matters more is given more of it.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i] / weights[i])
    verdicts: dict[int, tuple[bool, float]] = {}
    remaining = sum(weights)
    standing = True
    for i in order:
        threshold = alpha * weights[i] / remaining
        standing = standing and p_values[i] <= threshold
        verdicts[i] = (standing, threshold)
        remaining -= weights[i]
    return [verdicts[i] for i in range(len(p_values))]
