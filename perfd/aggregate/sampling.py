"""How many requests a sampled span stands for: the `ot=th:…` threshold of its trace state.

The threshold T of consistent probability sampling is up to 14 hexadecimal digits, trailing zeros
left out; spans with randomness below T of 2**56 were dropped, so a kept one counts as
2**56 / (2**56 - T).

Counts and errors are adjusted. Histograms are not: they hold what was measured, once each, because
every test on them takes their count for a sample size, and three spans sampled at 1 % are not
three hundred measurements. `Window.count` is therefore the traffic, `histogram.count` the evidence.
Within a window of one rate, means and quantiles are the same either way.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

_THRESHOLD = re.compile(rb"(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,\s]|$)")
_DIGITS = 14
_WHOLE = 1 << 4 * _DIGITS
MOST = 1e6  # a smaller rate than one in a million is not believed


def weight(trace_state: bytes) -> float:
    """What a span with this trace state counts as; 1 without a threshold."""
    found = _THRESHOLD.search(trace_state) if b"th:" in trace_state else None
    if found is None:
        return 1.0
    threshold = int(found[1].ljust(_DIGITS, b"0"), 16)
    return min(_WHOLE / (_WHOLE - threshold), MOST)


def adjusted(trace_states: Iterable[bytes], random: Callable[[], float]) -> int:
    """The count of spans with these trace states, as a whole number that is right on average."""
    total = sum(weight(state) if state else 1.0 for state in trace_states)
    whole = math.floor(total)
    return whole + (random() < total - whole)
