"""The seam between whoever takes shipments and whoever shows their senders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from perfd.model.agent import KnownAgent
from perfd.model.partial import Receipt


class Centre(Protocol):
    """Takes what agents forward, and knows who they are."""

    async def receive(self, body: bytes) -> Receipt:
        """Take one shipment; it is durable when this returns.

        Raises BadInput for what can never be taken, Conflict for what this centre cannot take as it
        is configured, Overloaded for what it cannot take now.
        """
        ...

    def agents(self) -> Sequence[KnownAgent]:
        """All that were heard of lately, by name."""
        ...

    def silent(self, known: KnownAgent, now: float) -> bool:
        """Whether an agent should have been heard of."""
        ...
