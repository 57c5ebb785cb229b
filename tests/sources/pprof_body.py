"""Writes pprof profiles and push requests, in the way of a profiler, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfd.sources.profile_proto import (
    LabelPair,
    PprofProfile,
    PushRequest,
    RawProfileSeries,
    RawSample,
)

Frame = tuple[str, str]


class Writer:
    """Builds one profile; stacks are given root first, as a person writes them."""

    def __init__(
        self,
        types: Sequence[tuple[str, str]] = (("cpu", "nanoseconds"),),
        period: int = 10_000_000,
        start: float = 1_700_000_000.0,
        duration: float = 10.0,
    ) -> None:
        self.message: Any = PprofProfile()
        self._strings: dict[str, int] = {}
        self.text("")
        for name, unit in types:
            self.message.sample_type.add(type=self.text(name), unit=self.text(unit))
        self.message.period = period
        self.message.period_type.type = self.text("cpu")
        self.message.period_type.unit = self.text("nanoseconds")
        self.message.time_nanos = int(start * 1e9)
        self.message.duration_nanos = int(duration * 1e9)

    def text(self, value: str) -> int:
        if value not in self._strings:
            self._strings[value] = len(self._strings)
            self.message.string_table.append(value.encode())
        return self._strings[value]

    def location(self, *inlined: Frame) -> int:
        """A new location; of inlined functions the innermost first."""
        number = len(self.message.location) + 1
        place = self.message.location.add(id=number)
        for name, file in inlined:
            made = self.message.function.add(
                id=len(self.message.function) + 1, name=self.text(name), filename=self.text(file)
            )
            place.line.add(function_id=made.id, line=number)
        return number

    def sample(self, *locations: int, values: Sequence[int]) -> None:
        self.message.sample.add(location_id=reversed(locations), value=values)

    def stack(self, names: Sequence[str], *values: int) -> None:
        places = [self.location((name, "/srv/app.py")) for name in names]
        self.sample(*places, values=values)

    def bytes(self) -> bytes:
        return bytes(self.message.SerializeToString())


def push(labels: Mapping[str, str], *raws: bytes) -> bytes:
    """A push.v1.PushRequest of one series."""
    pairs = [
        LabelPair(name=k.encode(), value=v.encode()).SerializeToString() for k, v in labels.items()
    ]
    samples = [RawSample(raw_profile=raw).SerializeToString() for raw in raws]
    series = RawProfileSeries(labels=pairs, samples=samples).SerializeToString()
    return bytes(PushRequest(series=[series]).SerializeToString())
