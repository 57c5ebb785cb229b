"""An agent's way to its centre: rows of closed minutes, oldest first, out of the durable store.

One request at a time. A row that was not acknowledged is still in the store, so a failure costs
nothing but time: after a wait the same is read and sent again, which the centre does not mind.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from perfd.errors import BadInput, DeliveryError, PerfdError, TooLarge
from perfd.forward.body import wrap
from perfd.forward.ledger import Ledger, Load, halves, nodes_of
from perfd.forward.settings import ForwardSettings
from perfd.forward.wire import encode
from perfd.interfaces import Clock, Meter, Store
from perfd.model.agent import Agent
from perfd.model.batch import DEPLOY
from perfd.model.deploy import Deploy
from perfd.model.partial import Receipt, Shipment
from perfd.model.profile import ProfileWindow, Symbols
from perfd.model.times import LATENESS, floor_to
from perfd.model.window import Gauge
from perfd.tickets.codec import decode

log = logging.getLogger(__name__)

MINUTE = 60.0
PAGE = 2_000  # rows read from the store at once
MOST_KNOWN = 100_000  # nodes that the centre is known to have; 8 MiB


class Carrier(Protocol):
    """The road to the centre."""

    async def post(self, body: bytes) -> Receipt:
        """Deliver a body.

        Raises BadInput (TooLarge, when it was) for a body that is never taken, DeliveryError for
        everything that may pass.
        """
        ...

    async def close(self) -> None:
        """Release what is held open."""
        ...


class ForwardJob:
    """Call `run` every few seconds, and `drain` at the end.

    `flushed` tells up to when all that was received is in the store.
    """

    def __init__(
        self,
        store: Store,
        carrier: Carrier,
        settings: ForwardSettings,
        agent: Agent,
        *,
        pace: float,
        flushed: Callable[[], float],
        clock: Clock,
        random: Random,
        meter: Meter,
    ) -> None:
        self._store, self._carrier, self._settings = store, carrier, settings
        self._agent = dataclasses.replace(agent, writer=store.writer)
        self._width = MINUTE / pace
        self._flushed = flushed
        self._clock, self._random, self._meter = clock, random, meter
        self._ledger = Ledger()
        self._known: set[int] = set()
        self._told: set[str] = set()
        self._failures, self._next = 0, -math.inf
        self._dropped = 0
        self._waiting = 0
        meter.gauge("perfd_forward_waiting_rows", lambda: float(self._waiting))
        meter.gauge("perfd_forward_lag_seconds", self._lag)

    async def run(self, now: float) -> None:
        """Send all that is due, unless the centre asked for time or did not answer just now."""
        if self._clock.monotonic() < self._next:
            return
        closed = floor_to(min(now, self._flushed()) - LATENESS, self._width)
        await self._try(closed)

    async def drain(self, within: float = 5.0) -> bool:
        """Send everything, open minutes too, and say goodbye; whether the centre has all of it.

        What is cut off stays in the store, and the next start sends it.
        """
        self._agent = dataclasses.replace(self._agent, leaving=True)
        try:
            return await asyncio.wait_for(self._try(math.inf), within)
        except TimeoutError:
            log.warning("the centre did not take the last rows in time; the next start sends them")
            return False

    async def _try(self, closed: float) -> bool:
        try:
            await self._send_all(closed)
        except DeliveryError as error:
            self._failed(error)
            return False
        self._failures = 0
        return True

    async def _send_all(self, closed: float) -> None:
        if self._ledger.accepted is None:
            await self._post(self._agent, Load((), -1))  # how far did an earlier life get?
        known = -1 if self._ledger.accepted is None else self._ledger.accepted
        self._waiting = await asyncio.to_thread(self._store.waiting, known)
        while page := await asyncio.to_thread(self._store.changed, self._ledger.read, PAGE):
            for load in self._ledger.loads(page, closed):
                await self._send(load)
        *first, last = self._ledger.loads((), closed)
        for load in first:
            await self._send(load)
        await self._send(last, closed)

    async def _send(self, load: Load, through: float = 0.0) -> None:
        """One body, or two halves of it if the centre finds it too large.

        With it the centre has all windows before `through`; what it was told of that stays true.
        """
        told = dataclasses.replace(self._agent, through=max(self._agent.through, through))
        await self._send_as(told if math.isfinite(through) else self._agent, load)

    async def _send_as(self, agent: Agent, load: Load) -> None:
        try:
            await self._post(agent, load)
            self._agent = agent
        except TooLarge as error:
            if len(load.partials) < 2:
                self._drop(load, "too_large", error)
                return
            first, second = halves(load)
            await self._send_as(self._agent, first)
            await self._send_as(agent, second)
        except BadInput as error:
            self._drop(load, "rejected", error)

    async def _post(self, agent: Agent, load: Load) -> None:
        shipment = await asyncio.to_thread(self._shipment, agent, load)
        body = await asyncio.to_thread(lambda: wrap(encode(shipment)))
        receipt = await self._carrier.post(body)
        self._meter.count("perfd_forward_sent_bytes", len(body))
        self._meter.count("perfd_forward_sent_rows", len(load.partials))
        self._waiting = max(0, self._waiting - len(load.partials))
        if not self._ledger.receive(receipt):
            self._known.clear()
            self._told.clear()
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        self._known.update(shipment.symbols.nodes)
        self._told.update(deploy.id for deploy in shipment.deploys)
        self._store.release(receipt.accepted)

    def _shipment(self, agent: Agent, load: Load) -> Shipment:
        accepted = self._ledger.accepted
        after = -1 if accepted is None else accepted
        return Shipment(
            dataclasses.replace(agent, waiting=self._waiting, dropped=self._dropped),
            max(load.upto, after),
            self._width,
            load.partials,
            self._symbols(load),
            tuple(self._deploys()),
            after=after,
        )

    def _symbols(self, load: Load) -> Symbols:
        """What the centre needs and was not sent yet."""
        leaves = nodes_of(load.partials) - self._known
        found = self._store.symbols(leaves) if leaves else Symbols()
        nodes = {key: node for key, node in found.nodes.items() if key not in self._known}
        wanted = {node.function for node in nodes.values()}
        return Symbols(nodes, {key: f for key, f in found.functions.items() if key in wanted})

    def _deploys(self) -> Sequence[Deploy]:
        """Announced here and not yet told."""
        known = (decode(Deploy, document.body) for document in self._store.documents(DEPLOY))
        return [deploy for deploy in known if deploy.id not in self._told]

    def _drop(self, load: Load, reason: str, error: PerfdError) -> None:
        """The centre will never take these rows: keeping them would stop all that follow."""
        log.error("the centre refused %d rows for good: %s", len(load.partials), error)
        self._dropped += len(load.partials)
        for partial in load.partials:
            labels = {"stage": "forward", "signal": _signal(partial.item), "reason": reason}
            self._meter.count("perfd_dropped_items", **labels)

    def _failed(self, error: DeliveryError) -> None:
        """Wait longer each time; in real time, since the centre does not know our pace."""
        retry = self._settings.retry_on_failure
        longest = min(retry.max_interval, retry.initial_interval * 2.0 ** min(self._failures, 16))
        chosen = longest / 2 + self._random.random() * longest / 2
        wait = max(chosen, min(error.retry_after or 0.0, retry.max_interval))
        self._next = self._clock.monotonic() + wait
        say = log.warning if self._failures == 0 else log.debug
        say("nothing is forwarded for now; next try in %.3g s: %s", wait, error)
        self._failures += 1
        self._ledger.begin_again()
        self._meter.count("perfd_forward_failures")

    def _lag(self) -> float:
        """Seconds since the end of what the centre has; 0 before it was first told."""
        through = self._agent.through
        return max(0.0, self._clock.now() - through) if through else 0.0


def _signal(item: object) -> str:
    if isinstance(item, Gauge):
        return "gauges"
    return "profiles" if isinstance(item, ProfileWindow) else "windows"
