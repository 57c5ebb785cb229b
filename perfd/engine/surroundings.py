"""Time, disk and randomness, as an engine is handed them.

The daemon hands it the machine's own; a simulation hands it a clock that is advanced, a schedule
in virtual time and a store in memory, and a whole day of perfd follows from one seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from perfd.interfaces import Clock, Meter, RequestLog, Store, Timetable

MINUTE = 60.0  # seconds at pace 1: a row of the store, and how often deploys are judged


def _unwatched(_name: str, _every: float) -> None:
    """Nobody waits for a sign of life."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is outside and must be real or pretended; `beat` takes a part's name and its period."""

    clock: Clock
    schedule: Timetable
    meter: Meter
    random: Random
    store: Store
    log: RequestLog
    beat: Callable[[str, float], None] = _unwatched
