"""The outbox worker: brings every message to every tracker, in order per ticket.

A message is delivered at least once and under one key, so trackers that look at the key (all of
ours) do nothing twice. A tracker that is down delays only its own messages, each ticket's by a
growing, jittered wait; one that says no for good is not asked again for that message.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from random import Random

from perfd.errors import DeliveryError
from perfd.interfaces import Clock, Message, Meter, Store, Tracker
from perfd.jobs import retry
from perfd.jobs.follow import Follower
from perfd.model.batch import OUTBOX
from perfd.model.ticket import Reference
from perfd.tickets.codec import decode
from perfd.tickets.events import Action
from perfd.tickets.outbox import OutboxEntry, attempted

log = logging.getLogger(__name__)

IDLE = 60.0  # seconds without a wake or a due attempt
STOP_WITHIN = 5.0  # for the deliveries in hand; what is cut off is delivered in the next life
MOST_WAITING = 2_000  # messages of up to 60 kB; above, the oldest are let go and counted


class Deliverer:
    """A component: delivers what an earlier life left, and then what comes."""

    name = "trackers"

    def __init__(
        self,
        store: Store,
        follower: Follower,
        trackers: Sequence[Tracker],
        clock: Clock,
        random: Random,
        meter: Meter,
    ) -> None:
        self._store, self._follower, self._clock = store, follower, clock
        self._random, self._meter = random, meter
        self._trackers = {tracker.name: tracker for tracker in trackers}
        self._entries: dict[str, OutboxEntry] = {}
        self._lock = threading.Lock()  # two trackers may settle one entry at the same moment
        self._wake = asyncio.Event()
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        meter.gauge("perfd_outbox_pending", lambda: float(len(self._entries)))
        meter.gauge("perfd_outbox_oldest_age_seconds", self._oldest_age)
        follower.subscribe(self.offer)

    async def start(self) -> None:
        """Read what is left over and begin."""
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        await asyncio.to_thread(self.load)
        self._task = asyncio.create_task(self._run(), name="deliver")

    async def stop(self) -> None:
        """Finish the deliveries in hand, within a bound."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        self._wake.set()
        _, late = await asyncio.wait([task], timeout=STOP_WITHIN)
        for one in late:
            one.cancel()
            await asyncio.gather(one, return_exceptions=True)

    def load(self) -> None:
        """Take in the messages that the store holds and no tracker, or not every one, has."""
        entries = (decode(OutboxEntry, d.body) for d in self._store.documents(OUTBOX))
        self.offer([entry for entry in entries if entry.waiting])

    def offer(self, entries: Sequence[OutboxEntry]) -> None:
        """New messages, already in the store; callable from any thread, and before the start."""
        for entry in entries:
            self._entries.setdefault(entry.key, entry)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def configure(self, trackers: Sequence[Tracker]) -> None:
        """Deliver to these from now on; what still waits for one that is gone is given up."""
        self._trackers = {tracker.name: tracker for tracker in trackers}

    def pending(self) -> Sequence[OutboxEntry]:
        """Messages that some tracker has not settled, oldest first."""
        return sorted(self._entries.values(), key=lambda e: (e.at, e.key))

    async def deliver_due(self) -> float:
        """Deliver all that is due; returns the seconds until the next attempt is."""
        await self._shed()
        done = await asyncio.gather(*map(self._serve, self._names()), return_exceptions=True)
        for problem in done:
            if isinstance(problem, BaseException):
                raise problem
        now = self._clock.now()
        due = [e.attempts[name].next_at - now for name in self._names() for e in self._heads(name)]
        return max(0.0, min([*due, IDLE]))

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                wait = await self.deliver_due()
            except Exception:
                log.exception("a delivery could not be written down; it will be made again")
                wait = IDLE
            try:
                await asyncio.wait_for(self._wake.wait(), max(wait, 0.05))
            except TimeoutError:
                continue

    async def _serve(self, tracker: str) -> None:
        """Everything of one tracker that is due, ticket by ticket, one request at a time."""
        while due := [e for e in self._heads(tracker) if self._due(e, tracker)]:
            for entry in due:
                if self._stopping:
                    return
                await self._attempt(entry, tracker)

    def _names(self) -> list[str]:
        return sorted({name for entry in self.pending() for name in entry.waiting})

    def _heads(self, tracker: str) -> Iterator[OutboxEntry]:
        """The oldest waiting message of each ticket: the only one that may go next."""
        tickets: set[str] = set()
        for entry in self.pending():
            if tracker in entry.waiting and entry.ticket_id not in tickets:
                tickets.add(entry.ticket_id)
                yield entry

    def _due(self, entry: OutboxEntry, tracker: str) -> bool:
        return entry.attempts[tracker].next_at <= self._clock.now()

    async def _attempt(self, entry: OutboxEntry, name: str) -> None:
        old = entry.attempts[name]
        try:
            if self._is_superseded(entry, name):
                outcome = retry.superseded(old)
            else:
                outcome = retry.delivered(old, await self._send(entry, name))
        except DeliveryError as problem:
            outcome = retry.failed(problem, entry, old, self._clock.now(), self._random)
            log.warning("%s not delivered (%s): %s", entry.key, outcome.word, problem)
        await asyncio.to_thread(self._settle, entry.key, name, outcome)

    def _is_superseded(self, entry: OutboxEntry, name: str) -> bool:
        """An update behind which a newer message of the ticket waits carries nothing of its own."""
        return entry.event == Action.UPDATED and any(
            other.ticket_id == entry.ticket_id and other.key > entry.key and name in other.waiting
            for other in self.pending()
        )

    async def _send(self, entry: OutboxEntry, name: str) -> str:
        tracker = self._trackers.get(name)
        if tracker is None or entry.ticket is None:
            raise DeliveryError(f"{name} is not configured any more", retryable=False)
        message = Message(
            entry.key, entry.event, entry.ticket, entry.title, entry.body, entry.document
        )
        try:
            return await tracker.deliver(message)
        except DeliveryError:
            raise
        except Exception as error:  # one tracker's fault stays its own
            words = f"{name}: {type(error).__name__}: {error}"
            raise DeliveryError(words, retryable=True) from error

    def _settle(self, key: str, name: str, outcome: retry.Outcome) -> None:
        """Store first, memory second: what fails here is delivered again, under the same key."""
        url = outcome.attempt.url
        with self._lock:
            entry = attempted(self._entries[key], name, outcome.attempt)
            self._follower.settle(entry, Reference(name, url) if url else None)
            if entry.waiting:
                self._entries[key] = entry
            else:
                del self._entries[key]
        self._meter.count("perfd_tracker_deliveries", tracker=name, outcome=outcome.word)

    async def _shed(self) -> None:
        """Hold no more than a bound; the oldest go first, and are counted."""
        for entry in self.pending()[:-MOST_WAITING]:
            problem = DeliveryError("too many messages wait", retryable=False)
            for name in entry.waiting:
                old = entry.attempts[name]
                outcome = retry.failed(problem, entry, old, self._clock.now(), self._random)
                shed = outcome._replace(word="overflow")
                await asyncio.to_thread(self._settle, entry.key, name, shed)

    def _oldest_age(self) -> float:
        oldest = min((entry.at for entry in list(self._entries.values())), default=None)
        return 0.0 if oldest is None else max(0.0, self._clock.now() - oldest)
