"""pprof, the profile format of google/pprof and of nearly every profiler: bytes to Profiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from perfd.errors import BadInput
from perfd.model.profile import Profile, Sample
from perfd.model.series import Resource
from perfd.sources.inflate import inflate
from perfd.sources.pprof_stacks import Locations, Stacks
from perfd.sources.profile_proto import PprofProfile
from perfd.sources.sample_settings import ProfileSettings
from perfd.sources.wire import count_items

MAX_TYPES = 16
MAX_VALUE = 1 << 53
MAX_SECONDS = 86_400.0
# No sampler looks more often than this (ns), so a smaller period would only inflate `hits`.
SMALLEST_PERIOD = 100_000

_GZIP = b"\x1f\x8b"
_INSTANT = ("inuse_", "goroutine")
_FAMILIES = {"cpu": "process_cpu", "samples": "process_cpu", "wall": "wall"}


class Origin(NamedTuple):
    """Who sent a profile, the `__name__` that it was given ("" for none), and when it came."""

    resource: Resource
    name: str
    received_at: float
    sampler: str = ""


class Column(NamedTuple):
    """One sample type; `period` is 0 where the profile's period is of another type."""

    type: str
    unit: str
    period: int


class Sums:
    """Values and hits of one stack, a pair for each column."""

    __slots__ = ("hits", "values")

    def __init__(self, columns: int) -> None:
        self.values = [0] * columns
        self.hits = [0] * columns

    def add(self, values: Sequence[int], columns: Sequence[Column]) -> None:
        """Add one sample."""
        for at, value in enumerate(values):
            if not 0 <= value <= MAX_VALUE:
                raise BadInput(f"the profile has a sample of {value} {columns[at].unit}")
            if value:
                period = columns[at].period
                self.values[at] += value
                self.hits[at] += max(1, round(value / period)) if period else 1


def open_pprof(raw: bytes, most_bytes: int, most_samples: int) -> tuple[bytes, int]:
    """The plain bytes of a pprof profile, gzipped or not, and how many samples they hold.

    Counted on the wire, before anything is parsed. Raises BadInput or TooLarge.
    """
    plain = inflate(raw, "gzip" if raw.startswith(_GZIP) else "", most_bytes)
    return plain, count_items("profiles", plain, most_samples)


def read_pprof(
    plain: bytes, origin: Origin, limits: ProfileSettings
) -> tuple[list[Profile], Counter[str]]:
    """One Profile per sample type, stacks merged over threads and labels; and what was cut.

    `hits` is value ÷ period for the type that the period belongs to, at least 1 per sample. The
    value is never count × period: pyroscope-io's adaptive sampler changes its period in each
    upload.
    """
    try:
        message = PprofProfile.FromString(plain)
    except DecodeError as error:
        raise BadInput(f"the profile is not pprof: {error}") from None
    stacks = Stacks(message, limits)
    columns = _columns(message, stacks)
    merged = _merge(message.sample, columns, stacks)
    spelled = [(stacks.stack(locations), sums) for locations, sums in merged.items()]
    start, duration = _interval(message, origin.received_at)
    return [
        Profile(
            resource=origin.resource,
            type=f"{origin.name or _family(column.type)}:{column.type}",
            unit=column.unit,
            start=start,
            duration=duration,
            samples=tuple(
                Sample(stack, sums.values[at], sums.hits[at])
                for stack, sums in spelled
                if sums.values[at]
            ),
            cumulative=not column.type.startswith(_INSTANT),
            sampler=origin.sampler,
            items=len(message.sample),
        )
        for at, column in enumerate(columns)
    ], stacks.cuts


def _columns(message: Any, stacks: Stacks) -> list[Column]:
    if not 0 < len(message.sample_type) <= MAX_TYPES:
        raise BadInput(f"the profile has {len(message.sample_type)} sample types")
    of = stacks.text(message.period_type.type)
    period = max(message.period, SMALLEST_PERIOD) if message.period > 0 else 0
    columns = []
    for declared in message.sample_type:
        name, unit = stacks.text(declared.type)[:64], stacks.text(declared.unit)[:32]
        columns.append(Column(name, unit, period if (name, unit) == (of, "nanoseconds") else 0))
    return columns


def _merge(
    samples: Sequence[Any], columns: Sequence[Column], stacks: Stacks
) -> dict[Locations, Sums]:
    merged: dict[Locations, Sums] = {}
    width = len(columns)
    for sample in samples:
        if len(sample.value) != width:
            raise BadInput(f"a sample has {len(sample.value)} values for {width} sample types")
        locations = stacks.locations(sample.location_id)
        if (sums := merged.get(locations)) is None:
            sums = merged[locations] = Sums(width)
        sums.add(sample.value, columns)
    return merged


def _interval(message: Any, received_at: float) -> tuple[float, float]:
    """Start and duration in seconds; a profile that has no time ended when it was received."""
    duration = message.duration_nanos / 1e9
    if not 0.0 <= duration <= MAX_SECONDS:
        raise BadInput(f"the profile lasts {duration} s")
    start = message.time_nanos / 1e9
    return (start if start > 0.0 else received_at - duration), duration


def _family(type: str) -> str:
    """The `__name__` that Pyroscope gives a sample type."""
    if type.startswith(("alloc_", "inuse_")):
        return "memory"
    return _FAMILIES.get(type, type.partition("_")[0] or "unknown")
