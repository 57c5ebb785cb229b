"""Every seam of the house on one page.

Doors (sources, store, trackers, web) and the core meet here and nowhere else: a door implements one
of these protocols or is handed one. Stores are synchronous and safe to call from several threads;
what waits for a network is async.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from perfd.model.batch import Batch, Document
from perfd.model.deploy import Deploy
from perfd.model.partial import Partial
from perfd.model.profile import ProfileWindow, Symbols
from perfd.model.series import Series
from perfd.model.ticket import Ticket
from perfd.model.window import Gauge, Reading, Window

Labels = Mapping[str, str]


class Clock(Protocol):
    """Time, passed in."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class Timetable(Protocol):
    """Recurring work, passed in: the machine's own time, or a virtual one."""

    def every(self, seconds: float, name: str, job: Callable[[float], Awaitable[None]]) -> None:
        """Call `job` with the wall time every so many seconds, never twice at once."""
        ...


class Meter(Protocol):
    """perfd's own telemetry.

    Names are declared once, in telemetry.py; an unknown name is a KeyError.
    """

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Record one value of a histogram."""
        ...

    def gauge(self, name: str, read: Callable[[], float], /, **labels: str) -> None:
        """Publish a value that is read when somebody asks."""
        ...


# --- in: sources -> intake ------------------------------------------------------------------------

Signal = Literal["traces", "metrics", "logs", "profiles"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One accepted request: the body as it arrived (what the request log keeps) and what it holds.

    `items` are spans, data points, log records or profile samples, counted before decoding.
    `content` is whatever the decoder of that signal returned; `rejected` items are bad for good.
    `size` is the body's length once inflated, about what holding `content` costs (0: not stated).
    """

    signal: Signal
    media: str
    encoding: str
    body: bytes
    received_at: float
    items: int
    content: Any
    rejected: int = 0
    reason: str = ""
    size: int = 0


class Intake(Protocol):
    """Takes deliveries; returning is the promise that the delivery is durable."""

    async def accept(self, delivery: Delivery) -> None:
        """Log, aggregate, wait for the disk. Raises Overloaded when perfd cannot take it now."""
        ...


class Decoder(Protocol):
    """Bytes to Delivery: used by the receivers and, for the same bytes, by replay after a crash."""

    def decode(
        self, signal: Signal, media: str, encoding: str, body: bytes, received_at: float
    ) -> Delivery:
        """Raises BadInput, TooLarge or Unsupported; never anything else."""
        ...


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of the request log. `position` grows by one with each record."""

    position: int
    signal: Signal
    media: str
    encoding: str
    received_at: float
    body: bytes


class Guard(Protocol):
    """Who may push to one listening address."""

    def may_push(self, authorization: str | None, origin: str = "") -> bool:
        """Whether a request with this Authorization and Origin header may push telemetry."""
        ...


class RequestLog(Protocol):
    """The promise behind an acknowledgement: append-only, checksummed, fsynced in groups."""

    def append(
        self, signal: Signal, media: str, encoding: str, received_at: float, body: bytes
    ) -> int:
        """Write one record and return its position, at once; it is durable after `durable`."""
        ...

    async def durable(self, position: int) -> None:
        """Wait until everything up to `position` is as durable as the setting promises."""
        ...

    def replay(self, after: int) -> Iterable[LogRecord]:
        """Records behind a position, one at a time; a torn tail ends it, corruption is counted."""
        ...

    def forget(self, upto: int) -> None:
        """Delete segments whose records are all at or before a position."""
        ...

    @property
    def size(self) -> int:
        """Bytes on disk."""
        ...

    def close(self) -> None:
        """Sync what is left and release everything; safe to call twice."""
        ...


class Sampler(Protocol):
    """Reads resources of this machine (host, cgroups, processes)."""

    def sample(self, now: float) -> Sequence[Reading]:
        """What can be read now; what cannot be read is left out and counted."""
        ...


# --- the store ------------------------------------------------------------------------------------


class Store(Protocol):
    """Windows, profiles and documents. Readers return merged windows; no SQL leaks out.

    Implementations: memory, sqlite (clickhouse later); one contract suite,
    tests/contracts/store.py.
    `[start, end)` throughout; a window belongs to the interval that holds its start.
    """

    def append(self, batch: Batch) -> None:
        """Add increments to their minutes and record the log position: one transaction.

        Increments older than the hot horizon are dropped and counted, never written into a chunk.
        """
        ...

    def log_position(self) -> int:
        """How far into the request log the stored windows reach; -1 at the start."""
        ...

    def series(self, name: str, labels: Labels | None = None) -> Sequence[Series]:
        """Known series of that name with at least these labels."""
        ...

    def windows(
        self, name: str, labels: Labels, start: float, end: float, step: float | None = None
    ) -> Sequence[Window]:
        """Windows of all matching series, by (series, start); `step` None means as fine as stored.

        Exemplars are not included; see `exemplars`.
        """
        ...

    def exemplars(self, name: str, labels: Labels, start: float, end: float) -> Sequence[Window]:
        """Windows with no counts that carry the exemplars of the interval."""
        ...

    def gauges(
        self, name: str, labels: Labels, start: float, end: float, step: float | None = None
    ) -> Sequence[Gauge]:
        """Gauges of all matching series, by (series, start)."""
        ...

    def profiles(self, labels: Labels, start: float, end: float) -> Sequence[ProfileWindow]:
        """Profile windows of all matching series, by (series, start), as fine as stored."""
        ...

    def symbols(self, nodes: Iterable[int]) -> Symbols:
        """The dictionary for these leaves and all their ancestors."""
        ...

    def put(self, documents: Sequence[Document]) -> None:
        """Write documents atomically; for each id the greater revision wins."""
        ...

    def document(self, kind: str, id: str) -> Document | None:
        """One document, or None."""
        ...

    def documents(self, kind: str, since: float | None = None) -> Sequence[Document]:
        """Documents of a kind by (at, id), newest last."""
        ...

    def next_revision(self) -> int:
        """A revision greater than all that this store has given out."""
        ...

    @property
    def writer(self) -> int:
        """The id under which this store's own rows are known elsewhere; the same for ever."""
        ...

    def changed(self, after: int, most: int) -> Sequence[Partial]:
        """Own rows that are hot and were written after a revision, by revision.

        At most `most` of them, but all of a revision or none; one revision is never too many.
        """
        ...

    def waiting(self, after: int) -> int:
        """How many rows `changed` would give after a revision."""
        ...

    def release(self, upto: int) -> None:
        """Own rows up to a revision are elsewhere: an agent's store may let them go."""
        ...

    def absorb(
        self,
        writer: int,
        partials: Sequence[Partial],
        symbols: Symbols,
        documents: Sequence[Document],
    ) -> None:
        """Take another writer's rows, whatever their age, with documents: one transaction.

        Of each row the greatest revision stays; a repeated or overtaken one changes nothing.
        """
        ...

    def maintain(self, now: float) -> None:
        """One bounded step of compaction and retention, driven by state and not by the clock."""
        ...

    def size(self) -> int:
        """Bytes on disk (0 in memory)."""
        ...

    def close(self) -> None:
        """Release everything; safe to call twice."""
        ...


# --- out: tickets -> trackers ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of the outbox: the ticket as it was then, and its body in Markdown.

    `key` names this message for ever, so that a tracker that has seen it can say so.
    `event` is opened, updated, verified, closed, reopened, muted or unmuted.
    """

    key: str
    event: str
    ticket: Ticket
    title: str
    body: str
    document: Mapping[str, Any]


class Tracker(Protocol):
    """Mirrors tickets somewhere.

    Idempotent: find or create by fingerprint, then bring up to date.
    """

    @property
    def name(self) -> str:
        """The name that references carry."""
        ...

    async def deliver(self, message: Message) -> str:
        """Bring the mirror up to date and return its URL. Raises DeliveryError."""
        ...


# --- changes asked for from outside ---------------------------------------------------------------

TicketAction = Literal["ack", "mute", "unmute", "fix", "close", "reopen"]


class Desk(Protocol):
    """The one way in for a page, the API or the CLI to change something."""

    async def act(
        self, ticket_id: str, action: TicketAction, *, actor: str, **details: Any
    ) -> Ticket:
        """Apply an action. Raises NotFound or Conflict.

        Details by action: mute `seconds`, `text`; fix `version`, `text`; close `resolution`,
        `text`.
        """
        ...

    async def deploy(self, deploy: Deploy) -> Deploy:
        """Record an announced deploy; the same one within 15 minutes is joined."""
        ...


# --- the life of a part ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Status:
    """How a component is. `state` is starting, ok, degraded, failed, stopping or stopped."""

    component: str
    state: str
    since: float
    detail: str = ""
    essential: bool = False


class Board(Protocol):
    """Who is how; written by the supervisor, read by /readyz, the pages and doctor."""

    def statuses(self) -> Sequence[Status]:
        """All components, essential ones first."""
        ...

    @property
    def ready(self) -> bool:
        """Whether perfd takes telemetry."""
        ...


class Live(Protocol):
    """What aggregation holds that the store does not have yet.

    For pages that show the last seconds.
    """

    def windows(self, name: str, labels: Labels) -> Sequence[Window]:
        """Open base windows."""
        ...


class Component(Protocol):
    """A part with a life. `start` returns when the part works.

    `stop` drains it, safe without start and twice.
    """

    @property
    def name(self) -> str:
        """For statuses and logs."""
        ...

    async def start(self) -> None:
        """Begin to work; raise to say why not."""
        ...

    async def stop(self) -> None:
        """Finish what was begun."""
        ...
