"""Clocks that are ahead, told by what they send: a request cannot end before perfd hears of it.

A batch most of which ended in the future is moved back as a whole, by whole base windows, until its
newest request ends now. What a host 10 minutes ahead serves then lies where that of the others
lies, and a deploy is seen on all hosts at once. An odd span in the future moves nothing.

A clock that is behind cannot be told from a slow pipeline, so nothing is moved forward: such
requests lie where their clock says, as late ones do.
"""

from __future__ import annotations

from collections.abc import Mapping

from perfd.aggregate.grid import Grid

TOLERANCE = 2.0  # seconds; clocks that are kept by NTP differ by less


def windows_ahead(counts: Mapping[int, int], grid: Grid, now: float) -> int:
    """By how many base windows to move a batch back; `counts` are its requests by their window."""
    here, last = grid.index_at(now + TOLERANCE), grid.bounds(now)[1]
    newest = max(counts, default=here)
    if not here < newest <= last:  # beyond, it is no clock's drift
        return 0
    future = sum(count for window, count in counts.items() if window > here)
    return newest - here if 2 * future > sum(counts.values()) else 0
