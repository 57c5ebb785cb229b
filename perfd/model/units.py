"""Units of settings: a duration or a size is a number here and `5m` or `64MiB` in the file."""

from __future__ import annotations

from typing import Annotated, NamedTuple


class Unit(NamedTuple):
    """Marks a number whose text form has a unit."""

    name: str


Duration = Annotated[float, Unit("duration")]  # seconds
Size = Annotated[int, Unit("size")]  # bytes
