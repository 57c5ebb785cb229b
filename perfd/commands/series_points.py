"""Series as they come in, before they are put on a grid, whatever they were read from."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Lines = NDArray[np.int64]

KINDS = ("latency", "gauge", "share", "ratio")
SHARES = ("share", "ratio")


@dataclass(frozen=True, slots=True)
class Points:
    """One series in the order of time (seconds UTC): values and counts, or k and n.

    `counted` says that `second` are counts of requests, of which too few are no measurement.
    """

    times: Array
    first: Array
    second: Array
    counted: bool = False


class Deploy(NamedTuple):
    """Of a service; its series are those whose names begin with its name."""

    service: str
    time: float
    version: str


class Rows:
    """One series while its rows are read, in any order: columns that grow, 32 bytes a row."""

    def __init__(self) -> None:
        self._times, self._lines = array("d"), array("q")
        self._first, self._second = array("d"), array("d")

    def add(self, time: float, first: float, second: float, line: int) -> None:
        """One row of the file's line `line`."""
        self._times.append(time)
        self._first.append(first)
        self._second.append(second)
        self._lines.append(line)

    def points(self, *, counted: bool) -> tuple[Points, list[tuple[int, int]]]:
        """In the order of time; and of rows at one time, the later's line and the earlier's."""
        times, lines = np.array(self._times), np.array(self._lines)
        order = np.lexsort((lines, times))
        times, lines = times[order], lines[order]
        again = np.flatnonzero(times[1:] == times[:-1])
        twice = [(int(lines[at + 1]), int(lines[at])) for at in again]
        first, second = np.array(self._first)[order], np.array(self._second)[order]
        return Points(times, first, second, counted), twice
