"""A centre's side of forwarding: takes shipments, and knows its agents.

Rows, symbols, and how far the agent has got are one transaction, and only then the answer is given:
what an agent was told that the centre has, it has on its disk.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from perfd.aggregate.grid import FUTURE_SECONDS
from perfd.errors import Conflict, Overloaded, TooLarge
from perfd.forward.body import unwrap
from perfd.forward.settings import AgentSettings
from perfd.forward.wire import decode
from perfd.interfaces import Clock, Desk, Meter, Store
from perfd.model.agent import KnownAgent
from perfd.model.batch import AGENT, Batch, Document
from perfd.model.partial import Partial, Receipt, Shipment
from perfd.model.times import LATENESS
from perfd.model.window import Gauge, Window

log = logging.getLogger(__name__)

MINUTE = 60.0
AHEAD = FUTURE_SECONDS + 600.0  # seconds: an agent's senders may be ahead of it, and it of us
SAVED_EVERY = 60.0  # how often a sign of life alone is written down
SHORTEST_WAIT = 5.0  # real seconds that detection waits at least: a request takes its time
RETRY_AFTER = 2.0
AGENT_LIVES = 7 * 86_400.0  # one that was silent for so long is not shown any more

_known = msgspec.msgpack.Decoder(KnownAgent).decode
_encode = msgspec.msgpack.Encoder().encode


def _nobody(_batch: Batch) -> None:
    """Nobody counts what was taken."""


class Agents:
    """The Centre of forward/centre.py.

    `absorbed` is called with what came for the first time, for running totals: a late row is left
    out there, and one that was repeated too, but for a few around a failed request.
    """

    def __init__(
        self,
        store: Store,
        desk: Desk,
        settings: AgentSettings,
        *,
        pace: float,
        clock: Clock,
        meter: Meter,
        absorbed: Callable[[Batch], None] = _nobody,
    ) -> None:
        self._store, self._desk, self._settings = store, desk, settings
        self._width = MINUTE / pace
        self._wait = LATENESS + max(settings.wait / pace, SHORTEST_WAIT)
        self._clock, self._meter = clock, meter
        self._absorbed = absorbed
        self._lock = threading.Lock()  # one shipment at a time; readers do without
        self._in_hand = 0
        self._agents = {k.agent.writer: k for k in _stored(store.documents(AGENT))}
        self._saved = {writer: known.seen_at for writer, known in self._agents.items()}
        self._earliest = math.inf

    async def receive(self, body: bytes) -> Receipt:
        """Take one shipment; it is durable when this returns."""
        if len(body) > self._settings.max_size:
            raise TooLarge(f"the body has {len(body)} bytes; {self._settings.max_size} are taken")
        if self._in_hand >= self._settings.max_requests:
            raise Overloaded("enough shipments are in hand", retry_after=RETRY_AFTER)
        self._in_hand += 1
        try:
            shipment = await asyncio.to_thread(self._read, body)
            for deploy in shipment.deploys:  # first: told again it changes nothing
                await self._desk.deploy(deploy)
            return await asyncio.to_thread(self._take, shipment)
        finally:
            self._in_hand -= 1

    def agents(self) -> Sequence[KnownAgent]:
        """All that were heard of lately, by name; never waits for one that is being taken in."""
        since = self._clock.now() - AGENT_LIVES
        known = [k for k in list(self._agents.values()) if k.seen_at >= since]
        return sorted(known, key=lambda k: (k.agent.name, k.agent.writer))

    def silent(self, known: KnownAgent, now: float) -> bool:
        """Whether an agent should have been heard of."""
        return not known.agent.leaving and now - known.seen_at > self._settings.silent_after

    def complete(self, now: float) -> float:
        """Up to when the windows of all agents are here that are alive; waits within a bound."""
        live = [k for k in self.agents() if not (k.agent.leaving or self.silent(k, now))]
        return max(min((k.agent.through for k in live), default=now), now - self._wait)

    def earliest(self) -> float:
        """The start of the earliest window that came for the first time since the last call."""
        with self._lock:
            earliest, self._earliest = self._earliest, math.inf
        return earliest

    def _read(self, body: bytes) -> Shipment:
        shipment = decode(unwrap(body, self._settings.max_inflated_size))
        if shipment.width != self._width:
            raise Conflict(
                f"the agent has minutes of {shipment.width:g} s and this centre of "
                f"{self._width:g} s: give both the same pace"
            )
        if shipment.agent.writer == self._store.writer:
            raise Conflict("this is the centre's own store: forward.url leads back to itself")
        return shipment

    def _take(self, shipment: Shipment) -> Receipt:
        now = self._clock.now()
        with self._lock:  # an agent that repeats a request must not overtake itself
            known = self._updated(shipment, now)
            partials = self._present(shipment.partials, now)
            news = self._news(shipment, partials)
            if self._worth_saving(shipment, known):
                document = self._document(known)
                writer = shipment.agent.writer
                self._store.absorb(writer, partials, shipment.symbols, [document])
                self._saved[writer] = now
            self._remember(known, now)
            self._earliest = min((self._earliest, *(p.item.start for p in news)))
        self._meter.count("perfd_absorbed_rows", len(partials))
        self._absorbed(_batch(news))
        return Receipt(known.accepted, self._store.writer)

    def _remember(self, known: KnownAgent, now: float) -> None:
        """A new table, so that whoever reads the old one is not disturbed."""
        kept = {w: k for w, k in self._agents.items() if now - k.seen_at <= AGENT_LIVES}
        self._agents = kept | {known.agent.writer: known}
        self._saved = {w: at for w, at in self._saved.items() if w in self._agents}

    def _news(self, shipment: Shipment, partials: Sequence[Partial]) -> list[Partial]:
        """Rows of minutes that came for the first time: the agent had not told of their end."""
        held = self._agents.get(shipment.agent.writer)
        through, accepted = (held.agent.through, held.accepted) if held else (0.0, -1)
        return [p for p in partials if p.item.start >= through and p.revision > accepted]

    def _updated(self, shipment: Shipment, now: float) -> KnownAgent:
        """What is known of the agent with this shipment.

        The centre has all up to `upto` only if it had all up to `after`: else something is missing
        in between, and its answer makes the agent begin there.
        """
        held = self._agents.get(shipment.agent.writer)
        accepted = -1 if held is None else held.accepted
        if shipment.after <= accepted:
            accepted = max(accepted, shipment.upto)
        through = max(shipment.agent.through, held.agent.through if held else 0.0)
        agent = dataclasses.replace(shipment.agent, through=min(through, now))
        return KnownAgent(agent, accepted, now)

    def _present(self, partials: Sequence[Partial], now: float) -> list[Partial]:
        """Rows that no clock can have been so wrong about; the others are counted."""
        present = [p for p in partials if p.item.start <= now + AHEAD]
        if len(present) < len(partials):
            labels = {"stage": "absorb", "signal": "windows", "reason": "future"}
            self._meter.count("perfd_dropped_items", len(partials) - len(present), **labels)
        return present

    def _worth_saving(self, shipment: Shipment, known: KnownAgent) -> bool:
        """A sign of life alone is written down once a minute."""
        writer = known.agent.writer
        held = self._agents.get(writer)
        news = held is None or held.accepted != known.accepted or not shipment.empty
        leaves = known.agent.leaving
        return news or leaves or known.seen_at - self._saved.get(writer, 0.0) > SAVED_EVERY

    def _document(self, known: KnownAgent) -> Document:
        revision = self._store.next_revision()
        name = f"{known.agent.writer:016x}"
        return Document(AGENT, name, revision, known.seen_at, _encode(known))


def _batch(partials: Sequence[Partial]) -> Batch:
    items = [partial.item for partial in partials]
    return Batch(
        windows=tuple(item for item in items if isinstance(item, Window)),
        gauges=tuple(item for item in items if isinstance(item, Gauge)),
    )


def _stored(documents: Iterable[Document]) -> Iterator[KnownAgent]:
    """What an earlier life knew; an agent that cannot be read tells everything again."""
    for document in documents:
        try:
            yield _known(document.body)
        except msgspec.DecodeError as error:
            log.warning("what is known of agent %s cannot be read: %s", document.id, error)
