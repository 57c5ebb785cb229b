"""What can be asked of an agent: to tell its centre of a deploy. It has no tickets."""

from __future__ import annotations

import asyncio
from typing import Any

from perfd.errors import Conflict
from perfd.interfaces import Store, TicketAction
from perfd.model.deploy import Deploy
from perfd.model.ticket import Ticket
from perfd.tickets.codec import document


class AgentDesk:
    """The Desk of interfaces.py, of an agent."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def act(self, ticket_id: str, action: TicketAction, *, actor: str, **_: Any) -> Ticket:
        """Tickets are the centre's."""
        words = f"an agent has no tickets: {actor} may {action} {ticket_id} at its centre"
        raise Conflict(words)

    async def deploy(self, deploy: Deploy) -> Deploy:
        """Keep a deploy until the centre was told of it; the centre joins it with what it sees."""
        await asyncio.to_thread(self._keep, deploy)
        return deploy

    def _keep(self, deploy: Deploy) -> None:
        revision = self._store.next_revision()
        self._store.put([document(deploy, deploy.id, revision, deploy.at)])
