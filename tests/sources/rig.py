"""A receiver on a free port with everything real but the intake, and the accounts that it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from perfd.clock import SystemClock
from perfd.errors import Overloaded
from perfd.interfaces import Delivery
from perfd.sources.admission import Admission
from perfd.sources.door import Door
from perfd.sources.otlp_decode import OtlpDecoder
from perfd.sources.settings import OtlpSettings
from tests.fakes import CountingMeter


class Keeping:
    """An Intake that keeps deliveries, or raises what it was told to."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.raises: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()

    async def accept(self, delivery: Delivery) -> None:
        self.entered.set()
        await self.gate.wait()
        if self.raises:
            raise self.raises.pop(0)
        self.deliveries.append(delivery)

    @property
    def items(self) -> int:
        return sum(delivery.items for delivery in self.deliveries)


class Token:
    """A Guard with one token, or none."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def may_push(self, authorization: str | None, origin: str = "") -> bool:
        return self.token is None or authorization == f"Bearer {self.token}"


class Rig:
    """A receiver of class `kind` and what it was handed; `async with` starts and stops it."""

    def __init__(
        self, kind, settings: OtlpSettings | None = None, *, decoder=None, intake=None, token=None
    ):
        settings = settings or OtlpSettings()
        self.settings = settings
        self.meter = CountingMeter()
        self.intake = intake or Keeping()
        self.admission = Admission(settings.max_in_flight_size, settings.max_in_flight_requests)
        self.receiver = kind(
            settings,
            "127.0.0.1:0",
            Door(
                decoder or OtlpDecoder(settings, self.meter),
                self.intake,
                self.admission,
                Token(token),
                SystemClock(),
                self.meter,
            ),
        )

    async def __aenter__(self) -> Rig:
        await self.receiver.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.receiver.stop()
        assert (self.admission.size, self.admission.requests) == (0, 0)

    @property
    def address(self) -> str:
        return self.receiver.address

    async def settled(self) -> None:
        """Wait until no request is under way."""
        async with asyncio.timeout(5):
            while self.admission.requests:  # noqa: ASYNC110 - a count, polled only by tests
                await asyncio.sleep(0.001)

    def count(self, what: str, **labels: str) -> int:
        return int(self.meter.total(f"perfd_receiver_{what}_items", **labels))

    def reasons(self, what: str) -> set[str]:
        name = f"perfd_receiver_{what}_items"
        return {dict(labels)["reason"] for n, labels in self.meter.counts if n == name}

    def codes(self) -> list[str]:
        counts = self.meter.counts.items()
        return sorted(dict(k)["code"] for (n, k), _ in counts if n == "perfd_receiver_requests")

    def check_identity(self) -> None:
        """offered = accepted + refused + rejected, and what was accepted is what was handed on."""
        settled = [self.count(what) for what in ("accepted", "refused", "rejected")]
        assert self.count("offered") == sum(settled)
        handed_on = sum(d.items - d.rejected for d in self.intake.deliveries)
        assert self.count("accepted") == handed_on


class Rejecting:
    """A Decoder that finds some items of each request bad for good."""

    def __init__(self, decoder, rejected: int) -> None:
        self._decoder = decoder
        self._rejected = rejected

    def decode(self, signal, media, encoding, body, received_at) -> Delivery:
        found = self._decoder.decode(signal, media, encoding, body, received_at)
        return Delivery(
            *(found.signal, found.media, found.encoding, found.body, found.received_at),
            *(found.items, found.content, self._rejected, "times before 1970", found.size),
        )


def overloaded(times: int, retry_after: float = 1.0) -> Iterable[Exception]:
    return [Overloaded("the log is full", retry_after) for _ in range(times)]
