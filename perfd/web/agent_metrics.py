"""Agents in /metrics: at most so many, the silent ones first."""

from __future__ import annotations

from collections.abc import Sequence

from perfd.web.agents import SILENT, STOPPED, AgentState
from perfd.web.exposition import GAUGE, Family

MOST = 1_000


def agent_families(states: Sequence[AgentState]) -> list[Family]:
    """Who was heard of when, how far behind each is, and what it holds or gave up.

    One that was stopped is not expected to be heard of, and is left out.
    """
    silent = Family("perfd_agent_silent", GAUGE, "1 for an agent that should have been heard of")
    seen = Family(
        "perfd_agent_last_seen_timestamp_seconds", GAUGE, "When an agent was last heard of"
    )
    lag = Family("perfd_agent_lag_seconds", GAUGE, "Age of the end of what an agent has forwarded")
    waiting = Family("perfd_agent_waiting_rows", GAUGE, "Rows that an agent has yet to forward")
    dropped = Family(
        "perfd_agent_dropped_rows", GAUGE, "Rows that an agent gave up since its start"
    )
    expected = [state for state in states if state.state != STOPPED]
    for state in expected[:MOST]:
        labels = {"agent": state.agent.name, "id": state.id}
        silent.add(float(state.state == SILENT), **labels)
        seen.add(state.seen_at, **labels)
        if state.lag is not None:
            lag.add(state.lag, **labels)
        waiting.add(state.agent.waiting, **labels)
        dropped.add(state.agent.dropped, **labels)
    return [silent, seen, lag, waiting, dropped]
