"""Where a service finds the next one, and how it is pointed elsewhere without losing a request."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL


class Upstream:
    """The address in use; whoever switches it waits until the old one is no longer needed."""

    def __init__(self, address: URL) -> None:
        self._address = address
        self._in_flight: Counter[URL] = Counter()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[URL]:
        """The address for one request."""
        address = self._address
        self._in_flight[address] += 1
        try:
            yield address
        finally:
            self._in_flight[address] -= 1
            async with self._changed:
                self._changed.notify_all()

    async def switch(self, address: URL) -> None:
        """Send all further requests there; returns when the last one to the old has ended."""
        old, self._address = self._address, address
        async with self._changed:
            await self._changed.wait_for(lambda: old == address or not self._in_flight[old])
