"""A receiver that is loaded with its first connection.

An agent whose service speaks HTTP only does without gRPC's 12 MiB.

Until then its port is held open here. The first connection is closed once the receiver listens in
its place, which a sender takes for a receiver that is about to start: OTLP has it retry, and by
then it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from perfd.interfaces import Component
from perfd.sources.listen import split_address

log = logging.getLogger(__name__)


class OnDemand:
    """A Component that makes and starts another one when somebody connects to its address.

    `make` runs beside the event loop: what it imports takes its time.
    """

    def __init__(self, name: str, address: str, make: Callable[[], Component]) -> None:
        self.name = name
        self.address = address
        self._make = make
        self._door: asyncio.Server | None = None
        self._receiver: Component | None = None
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """Hold the port. Raises OSError when it is taken."""
        host, port = split_address(self.address)
        self._door = await asyncio.start_server(self._connected, host, port)

    async def stop(self) -> None:
        """Close the port, or stop the receiver."""
        async with self._one_at_a_time:
            self._shut()
            if self._receiver is not None:
                await self._receiver.stop()

    async def _connected(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._one_at_a_time:
                if self._door is not None:
                    await self._replace()
        finally:
            writer.close()

    async def _replace(self) -> None:
        receiver = await asyncio.to_thread(self._make)
        self._shut()
        try:
            await receiver.start()
        except OSError:
            log.exception("%s could not be started; the next connection tries again", self.name)
            with contextlib.suppress(OSError):
                await self.start()
            return
        self._receiver = receiver
        log.info("%s: somebody connects; it is loaded", self.name)

    def _shut(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
