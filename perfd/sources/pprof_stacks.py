"""The tables of a pprof message: location ids to stacks of functions.

Every index and id is checked when it is followed. Shared locations let eight MiB spell out a
thousand million frames, so the frames of all stacks together are bounded as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from perfd.errors import BadInput, TooLarge
from perfd.model.profile import Function, Stack
from perfd.sources.frames import CUT_STACK, NAMELESS, function, printable
from perfd.sources.sample_settings import ProfileSettings

MAX_FRAMES = 2_000_000
MAX_INLINED = 64  # functions at one location

Locations = tuple[int, ...]  # ids, leaf first; CUT stands for those left out
CUT = -1


class Stacks:
    """Reads the tables of one message; `cuts` counts what had to be shortened, by what."""

    def __init__(self, message: Any, limits: ProfileSettings) -> None:
        self.cuts: Counter[str] = Counter()
        self._limits = limits
        self._strings: Sequence[bytes] = message.string_table
        self._texts = {0: ""}
        self._functions = {f.id: f for f in message.function}
        self._locations = {place.id: place for place in message.location}
        self._mappings = {m.id: m for m in message.mapping}
        self._frames: dict[int, Stack] = {CUT: (CUT_STACK,)}
        self._spelled = 0

    def text(self, index: int) -> str:
        """A string of the table; index 0 is "" by definition, and so it is in an empty table."""
        text = self._texts.get(index)
        if text is None:
            if not 0 < index < len(self._strings):
                raise BadInput(f"the profile refers to string {index} of {len(self._strings)}")
            text, cut = printable(self._strings[index], self._limits.max_name_length)
            self.cuts["name"] += cut
            self._texts[index] = text
        return text

    def locations(self, ids: Sequence[int]) -> Locations:
        """A sample's location ids; of a stack that is too deep the leaf's and the root's halves.

        The leaf's half keeps self times right, the root's half the totals of the outer functions.
        """
        most = self._limits.max_depth
        if len(ids) <= most:
            return tuple(ids)
        self.cuts["stack"] += 1
        half = most // 2
        return (*ids[:half], CUT, *ids[-half:])

    def stack(self, locations: Locations) -> Stack:
        """The functions, root first. Raises TooLarge when all stacks together have too many."""
        stack: list[Function] = []
        for location in reversed(locations):
            stack += self._frames.get(location) or self._resolve(location)
        self._spelled += len(stack)
        if self._spelled > MAX_FRAMES:
            raise TooLarge(f"the stacks have more than {MAX_FRAMES} frames in all")
        return tuple(stack)

    def _resolve(self, id: int) -> Stack:
        place = self._locations.get(id)
        if place is None:
            raise BadInput(f"a sample refers to location {id}, which the profile does not have")
        inlined = [self._function(line) for line in islice(place.line, MAX_INLINED)]
        frames = tuple(reversed(inlined)) or (self._unsymbolised(place.mapping_id),)
        self._frames[id] = frames
        return frames

    def _function(self, line: Any) -> Function:
        found = self._functions.get(line.function_id)
        if found is None:
            raise BadInput(f"a location refers to function {line.function_id}, which is missing")
        # Most profilers of interpreters send no start line; the line of a sample is near it.
        begins = found.start_line or line.line
        return function(self.text(found.name), self.text(found.filename), max(begins, 0))

    def _unsymbolised(self, mapping: int) -> Function:
        """A place without a name is named by the binary that it lies in."""
        held = self._mappings.get(mapping)
        path = self.text(held.filename) if held is not None else ""
        return function(f"[{path.rpartition('/')[2]}]" if path else NAMELESS, path)
