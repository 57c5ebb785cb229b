"""The page of agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfd.web.agents import LIVE, SILENT, AgentState

_WORDS = {
    LIVE: "forwards",
    SILENT: "silent: its pod or host is gone, or it cannot reach this address",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One agent."""

    state: AgentState
    words: str


@dataclass(frozen=True, slots=True)
class AgentsPage:
    """The page."""

    sentence: str
    lines: tuple[Line, ...]


def agents_page(states: Sequence[AgentState]) -> AgentsPage:
    """All agents under a sentence that says whether something is wrong."""
    silent = sum(state.state == SILENT for state in states)
    live = sum(state.state == LIVE for state in states)
    lines = tuple(Line(state, _WORDS.get(state.state, "was told to stop")) for state in states)
    return AgentsPage(_sentence(live, silent), lines)


def _sentence(live: int, silent: int) -> str:
    if not live and not silent:
        return "No agent forwards here"
    some = "agent forwards" if live == 1 else "agents forward"
    return f"{live} {some}, {silent} silent" if silent else f"{live} {some}, none is silent"
