"""Agents in words: what the page, the API and /metrics say of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfd.forward.centre import Centre
from perfd.model.agent import Agent, KnownAgent

LIVE, SILENT, STOPPED = "live", "silent", "stopped"


@dataclass(frozen=True, slots=True)
class AgentState:
    """An agent now. `lag` is the age in seconds of the end of what is here; None before that."""

    agent: Agent
    id: str
    state: str
    seen_at: float
    lag: float | None


def agents_now(centre: Centre | None, now: float) -> Sequence[AgentState]:
    """All agents; silent ones first, since they need somebody."""
    if centre is None:
        return []
    states = [_state(centre, known, now) for known in centre.agents()]
    return sorted(states, key=lambda s: (s.state != SILENT, s.state == STOPPED, s.agent.name, s.id))


def _state(centre: Centre, known: KnownAgent, now: float) -> AgentState:
    agent = known.agent
    state = SILENT if centre.silent(known, now) else LIVE
    if agent.leaving:
        state = STOPPED
    lag = max(0.0, now - agent.through) if agent.through else None
    return AgentState(agent, f"{agent.writer:016x}", state, known.seen_at, lag)
