"""Series from a CSV file: `series,time,value[,count]` or `series,time,k,n`; deploys from another.

Every problem is told with its line. Rows may come in any order; time is RFC 3339 with an offset, or
Unix seconds.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest

from perfd.commands.series_points import SHARES, Deploy, Points, Rows
from perfd.errors import BadInput
from perfd.model.times import from_rfc3339

MOST_TOLD = 20  # problems
LATEST = 2e11  # s; beyond, someone wrote milliseconds

Fields = dict[str, str]
Problem = tuple[int, str]


class Problems:
    """How many lines are wrong, and what is wrong with the first of them."""

    def __init__(self) -> None:
        self._number = 0
        self._first: list[Problem] = []

    def add(self, problems: Iterable[Problem]) -> None:
        """Take note of them, in any order."""
        for problem in problems:
            self._number += 1
            self._first.append(problem)
            if len(self._first) > 2 * MOST_TOLD:
                self._first = nsmallest(MOST_TOLD, self._first)

    def refuse(self, name: str) -> None:
        """Raises BadInput when there are any."""
        if not self._number:
            return
        first = nsmallest(MOST_TOLD, self._first)
        told = [f"{name}:{line}: {text}" for line, text in first]
        if self._number > len(first):
            told.append(f"{name}: and {self._number - len(first)} more")
        raise BadInput("\n".join(told), self._number)


def read_series(lines: Iterable[str], kind: str, name: str) -> dict[str, Points]:
    """The points of each series; BadInput names every line that is wrong."""
    shares = kind in SHARES
    needed = ("series", "time", *(("k", "n") if shares else ("value",)))
    found: dict[str, Rows] = {}
    counted = False

    def take(fields: Fields, line: int) -> None:
        nonlocal counted
        time = parse_time(fields["time"])
        pair = _share(fields) if shares else _value(fields)
        counted = counted or "count" in fields
        series = _filled(fields, "series")
        if series not in found:
            found[series] = Rows()
        found[series].add(time, *pair, line)

    problems = Problems()
    problems.add(_each(lines, needed, take))
    read = {}
    for series, rows in found.items():
        read[series], twice = rows.points(counted=counted and not shares)
        problems.add((again, _already(series, line)) for again, line in twice)
    problems.refuse(name)
    if not read:
        raise BadInput(f"{name}: no rows")
    return read


def read_deploys(lines: Iterable[str], name: str) -> list[Deploy]:
    """Columns `service,time,version`."""
    found: list[Deploy] = []

    def take(fields: Fields, _line: int) -> None:
        time = parse_time(fields["time"])
        found.append(Deploy(_filled(fields, "service"), time, fields["version"]))

    problems = Problems()
    problems.add(_each(lines, ("service", "time", "version"), take))
    problems.refuse(name)
    return found


def parse_time(text: str) -> float:
    """Unix seconds, or RFC 3339 with an offset."""
    try:
        at = float(text)
    except ValueError:
        return _written_out(text)
    if not 0.0 <= at < LATEST:
        raise ValueError(f"time {text!r} is not a point in time in Unix seconds")
    return at


def _written_out(text: str) -> float:
    try:
        return from_rfc3339(text)
    except ValueError:
        raise ValueError(
            f"time {text!r} is neither RFC 3339 with an offset nor Unix seconds"
        ) from None


def _each(
    lines: Iterable[str], needed: Sequence[str], take: Callable[[Fields, int], None]
) -> Iterator[Problem]:
    """Hand over each row that is whole; what is wrong comes back with its line."""
    table = csv.reader(lines, skipinitialspace=True)
    try:
        columns = next(table, [])
        if lacking := [column for column in needed if column not in columns]:
            yield 1, _without(lacking, needed, columns)
            return
        for row in table:
            try:
                if row:  # an empty line is none
                    take(_fields(columns, row), table.line_num)
            except ValueError as error:
                yield table.line_num, str(error)
    except csv.Error as error:
        yield table.line_num, f"this is no CSV: {error}"


def _without(lacking: Sequence[str], needed: Sequence[str], columns: Sequence[str]) -> str:
    """What is wrong with the first line."""
    for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(columns) == 1 and sign in columns[0]:
            return f"the columns are separated by {word}; commas are needed"
    return f"no column {', '.join(lacking)}; the first line must name {', '.join(needed)}"


def _fields(columns: Sequence[str], row: Sequence[str]) -> Fields:
    if len(row) != len(columns):
        raise ValueError(f"not as many fields as the {len(columns)} columns")
    return dict(zip(columns, row, strict=True))


def _filled(fields: Fields, column: str) -> str:
    if not fields[column]:
        raise ValueError(f"{column} is empty")
    return fields[column]


def _value(fields: Fields) -> tuple[float, float]:
    value = _number(fields, "value")
    if value <= 0.0:
        words = "counts are another kind: --kind ratio with k,n"
        raise ValueError(f"value {fields['value']} is not above 0; {words}")
    count = _number(fields, "count") if "count" in fields else 1.0
    if count <= 0.0:
        raise ValueError(f"count {fields['count']} is not above 0")
    return value, count


def _share(fields: Fields) -> tuple[float, float]:
    k, n = _number(fields, "k"), _number(fields, "n")
    if n <= 0.0:
        raise ValueError(f"n {fields['n']} is not above 0")
    if not 0.0 <= k <= n:
        raise ValueError(f"k {fields['k']} is not between 0 and n {fields['n']}")
    return k, n


def _number(fields: Fields, column: str) -> float:
    try:
        number = float(fields[column])
    except ValueError:
        raise ValueError(f"{column} {fields[column]!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{column} {fields[column]} is not finite")
    return number


def _already(series: str, line: int) -> str:
    return f"{series} has this time already, on line {line}"
