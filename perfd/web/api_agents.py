"""Agents: who forwards to this centre, and who is silent."""

from __future__ import annotations

from perfd.model.times import to_rfc3339
from perfd.web.agents import AgentState, agents_now
from perfd.web.context import Context, off_loop
from perfd.web.endpoint import Endpoint, Nothing
from perfd.web.schemas import Record


class AgentRecord(Record, frozen=True):
    """An agent. `state` is live, silent or stopped; `lag` seconds, null before its first windows.

    Of its rows `waiting` are not here yet, and `dropped` were given up since it started.
    """

    id: str
    name: str
    version: str
    state: str
    started_at: str
    last_seen_at: str
    lag: float | None
    waiting: int
    dropped: int


class AgentList(Record, frozen=True):
    """All agents that were heard of within a week, silent ones first."""

    agents: list[AgentRecord]
    cursor: str | None = None


async def list_agents(context: Context, _: Nothing, __: None) -> AgentList:
    """All agents."""
    found = await off_loop(agents_now, context.centre, context.clock.now())
    return AgentList(agents=[record(state) for state in found])


def record(state: AgentState) -> AgentRecord:
    """An agent as the API shows it."""
    agent = state.agent
    return AgentRecord(
        id=state.id,
        name=agent.name,
        version=agent.version,
        state=state.state,
        started_at=to_rfc3339(agent.started_at),
        last_seen_at=to_rfc3339(state.seen_at),
        lag=state.lag,
        waiting=agent.waiting,
        dropped=agent.dropped,
    )


ENDPOINTS = (Endpoint("GET", "/api/v1/agents", "Agents that forward here", list_agents, AgentList),)
