"""Agents: perfds that collect and forward, as their centre knows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agent:
    """What an agent says of itself with every shipment. Times in seconds, UTC, by its own clock.

    `writer` is the id of its store, for ever; `name` its host or pod. The centre has all of its
    windows that begin before `through`. `waiting` rows are in its store and not yet with the
    centre, `dropped` ones were given up since it started. `leaving`: it was told to stop, and this
    is the last that will be heard of it.
    """

    writer: int
    name: str
    version: str
    started_at: float
    through: float = 0.0
    waiting: int = 0
    dropped: int = 0
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent as the centre last heard of it, at `seen_at` by the centre's clock.

    The centre has, on disk, everything of it up to the revision `accepted`.
    """

    agent: Agent
    accepted: int
    seen_at: float
