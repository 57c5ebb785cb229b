"""Series from a CSV file: `series,time,value[,count]` or `series,time,k,n`; deploys from another.

Every problem is told with its line. Rows may come in any order; time is RFC 3339 with an offset, or
Unix seconds.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from perfd.errors import BadInput
from perfd.model.times import from_rfc3339

SHARES = ("share", "ratio")
MOST_TOLD = 20  # problems
LATEST = 2e11  # s; beyond, someone wrote milliseconds

Fields = dict[str, str]


class Row(NamedTuple):
    """One point: (value, count) or (k, n)."""

    time: float
    first: float
    second: float
    line: int


class Deploy(NamedTuple):
    """Of a service; its series are those whose names begin with its name."""

    service: str
    time: float
    version: str


def read_series(lines: Iterable[str], kind: str, name: str) -> dict[str, list[Row]]:
    """The rows of each series in the order of time; BadInput names every line that is wrong."""
    shares = kind in SHARES
    needed = ("series", "time", *(("k", "n") if shares else ("value",)))
    found: dict[str, list[Row]] = {}

    def take(fields: Fields, line: int) -> None:
        time = parse_time(fields["time"])
        pair = _share(fields) if shares else _value(fields)
        found.setdefault(_filled(fields, "series"), []).append(Row(time, *pair, line))

    problems = list(_each(lines, needed, take))
    for series, rows in found.items():
        rows.sort()
        problems += _duplicates(series, rows)
    _refuse(name, problems)
    if not found:
        raise BadInput(f"{name}: no rows")
    return found


def read_deploys(lines: Iterable[str], name: str) -> list[Deploy]:
    """Columns `service,time,version`."""
    found: list[Deploy] = []

    def take(fields: Fields, _line: int) -> None:
        time = parse_time(fields["time"])
        found.append(Deploy(_filled(fields, "service"), time, fields["version"]))

    _refuse(name, list(_each(lines, ("service", "time", "version"), take)))
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


Problem = tuple[int, str]


def _each(
    lines: Iterable[str], needed: Sequence[str], take: Callable[[Fields, int], None]
) -> Iterator[Problem]:
    """Hand over each row that is whole; what is wrong comes back with its line."""
    table = csv.DictReader(lines, skipinitialspace=True)
    if lacking := [column for column in needed if column not in (table.fieldnames or ())]:
        yield 1, f"no column {', '.join(lacking)}; the first line must name {', '.join(needed)}"
        return
    for fields in table:
        try:
            if None in fields or None in fields.values():
                raise ValueError(f"not as many fields as the {len(table.fieldnames or ())} columns")
            take(fields, table.line_num)
        except ValueError as error:
            yield table.line_num, str(error)


def _filled(fields: Fields, column: str) -> str:
    if not fields[column]:
        raise ValueError(f"{column} is empty")
    return fields[column]


def _value(fields: Fields) -> tuple[float, float]:
    value = _number(fields, "value")
    if value <= 0.0:
        raise ValueError(f"value {fields['value']} is not above 0")
    count = _number(fields, "count") if fields.get("count") else 1.0
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


def _duplicates(series: str, rows: Sequence[Row]) -> Iterator[Problem]:
    for former, row in pairwise(rows):
        if former.time == row.time:
            lines = sorted((former.line, row.line))
            yield lines[1], f"{series} has this time already, on line {lines[0]}"


def _refuse(name: str, problems: list[Problem]) -> None:
    if not problems:
        return
    problems.sort()
    told = [f"{name}:{line}: {text}" for line, text in problems[:MOST_TOLD]]
    if len(problems) > MOST_TOLD:
        told.append(f"{name}: and {len(problems) - MOST_TOLD} more")
    raise BadInput("\n".join(told), len(problems))
