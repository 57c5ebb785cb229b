"""One telemetry request, whatever the transport: decode its body, hand it on, count its items.

Every request is settled once, with offered = accepted + refused + rejected. A body whose items
cannot be counted is accounted for as one item, so that nothing that arrived is invisible.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

from perfd.errors import BadInput, Overloaded, PerfdError, Refused
from perfd.interfaces import Delivery, Signal
from perfd.sources.admission import Hold
from perfd.sources.door import Door
from perfd.sources.settings import BYTES_PER_ITEM
from perfd.sources.status import FAULT, Failure, failure_of

log = logging.getLogger(__name__)

Read = Callable[[Hold], Awaitable[bytes]]

LOG_EVERY = 60.0  # seconds between two lines about the same reason


class Reception:
    """The common half of the receivers, for one transport.

    A body of more than `aside` bytes is decoded in a thread, for which its decoder must be fit.
    """

    def __init__(self, transport: str, door: Door, aside: float = math.inf) -> None:
        self._transport = transport
        self._aside = aside
        self._door = door
        self._running: set[asyncio.Task[Delivery | Failure]] = set()
        self._open = True
        self._said: dict[tuple[str, str], float] = {}

    async def receive(
        self,
        signal: Signal,
        media: str,
        encoding: str,
        authorization: str | None,
        read: Read,
        origin: str = "",
    ) -> Delivery | Failure:
        """Take one request; `read` gets its body and grows the hold by what arrives.

        A sender that goes away after its last byte stops nothing: what is logged is accepted.
        """
        try:
            hold = self._admit(authorization, origin)
        except PerfdError as error:
            return self.fail(signal, error)
        try:
            body = await read(hold)
        except BaseException as error:
            hold.release()
            if isinstance(error, asyncio.CancelledError):
                self.fail(signal, ConnectionResetError())
                raise
            return self.fail(signal, error)
        work = asyncio.ensure_future(self._take(signal, media, encoding, body, hold))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        return await asyncio.shield(work)

    def fail(self, signal: Signal, error: BaseException, items: int | None = None) -> Failure:
        """Settle a request that was not taken."""
        failure = failure_of(error)
        if failure.reason == FAULT:
            log.error("a %s request failed: %s", signal, error, exc_info=error)
        if items is None:
            items = error.items if isinstance(error, BadInput) else 1
        self.settle_failure(signal, failure, items)
        return failure

    def settle_failure(self, signal: Signal, failure: Failure, items: int = 1) -> None:
        """Count a request's items as refused for now, or rejected for good."""
        refused = failure.retry_after is not None
        self._count("offered", signal, items)
        self._count("refused" if refused else "rejected", signal, items, failure.reason)
        self._say(signal, failure.reason, items, failure.message)

    def answered(self, signal: str, code: str) -> None:
        """Count an answer by its HTTP status or gRPC code."""
        self._door.meter.count(
            "perfd_receiver_requests", 1, signal=signal, transport=self._transport, code=code
        )

    async def drain(self, within: float) -> None:
        """Refuse new requests and wait for those under way, at most `within` seconds."""
        self._open = False
        if self._running:
            await asyncio.wait(set(self._running), timeout=within)

    def _admit(self, authorization: str | None, origin: str) -> Hold:
        """Before any byte of a body is read. Raises Refused or Overloaded."""
        if not self._door.guard.may_push(authorization, origin):
            raise Refused("pushing needs the bearer token of this perfd")
        if not self._open:
            raise Overloaded("perfd is stopping; retry", retry_after=2.0)
        return self._door.admission.hold()

    async def _take(
        self, signal: Signal, media: str, encoding: str, body: bytes, hold: Hold
    ) -> Delivery | Failure:
        items: int | None = None
        with hold:
            try:
                delivery = await self._decode(signal, media, encoding, body)
                items = delivery.items
                if items > delivery.rejected:
                    hold.grow(delivery.size + BYTES_PER_ITEM * items)
                    handing_on = self._door.intake.accept(delivery)
                    delivery = replace(delivery, content=None)  # not kept while the disk works
                    await handing_on
            except Exception as error:  # noqa: BLE001 - whatever it is, it is answered and counted
                return self.fail(signal, error, items)
            self._settle(delivery)
            return delivery

    async def _decode(self, signal: Signal, media: str, encoding: str, body: bytes) -> Delivery:
        arguments = (signal, media, encoding, body, self._door.clock.now())
        if len(body) > self._aside:
            return await asyncio.to_thread(self._door.decoder.decode, *arguments)
        return self._door.decoder.decode(*arguments)

    def _settle(self, delivery: Delivery) -> None:
        signal, rejected = delivery.signal, delivery.rejected
        self._count("offered", signal, delivery.items)
        self._count("accepted", signal, delivery.items - rejected)
        if rejected:
            self._count("rejected", signal, rejected, "invalid")
            self._say(signal, "invalid", rejected, delivery.reason)

    def _count(self, what: str, signal: Signal, items: int, reason: str = "") -> None:
        labels = {"signal": signal, "transport": self._transport}
        if reason:
            labels["reason"] = reason
        self._door.meter.count(f"perfd_receiver_{what}_items", items, **labels)

    def _say(self, signal: Signal, reason: str, items: int, message: str) -> None:
        """Log what clients will not show, once a minute for each reason."""
        now = self._door.clock.monotonic()
        if now < self._said.get((signal, reason), now):
            return
        self._said[signal, reason] = now + LOG_EVERY
        log.warning(
            "%s over %s: %d items not taken (%s): %s",
            *(signal, self._transport, items, reason, message),
        )
