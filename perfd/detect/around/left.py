"""What is left of a change once a part of it is explained, and whether that counts by itself."""

from __future__ import annotations

import math

from perfd.detect.around.by_time import Around

WITHIN = 0.5  # of the change: then most of it is not explained
MARGIN = 0.5  # of the floor
SURE = 3.09  # deviations: 99.9 %


def counts(around: Around, left: float, variance: float) -> bool:
    """Most of the change; or above the floor, and beyond doubt above half of it.

    The second is for a regression beside a larger artefact: both are true, and one is a ticket.
    """
    if left >= WITHIN * around.found.shift:
        return True
    floor = around.candidate.least_shift
    return left >= floor and left - SURE * math.sqrt(variance) >= MARGIN * floor
