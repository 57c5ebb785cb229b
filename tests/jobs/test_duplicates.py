"""What an exporter sends again because it did not hear the answer is counted once."""

import random

import pytest

from perfd.aggregate.aggregator import Aggregator
from perfd.aggregate.settings import AggregateSettings
from perfd.clock import ManualClock
from perfd.errors import Overloaded
from perfd.jobs.duplicates import MOST, REMEMBERED, RecentBodies
from perfd.jobs.intake import LoggedIntake
from perfd.jobs.replay import replay
from perfd.model.series import REQUESTS
from perfd.sources.otlp_decode import PROTO, OtlpDecoder
from perfd.sources.settings import OtlpSettings
from perfd.store.memory import MemoryStore
from perfd.store.memory_log import MemoryLog
from perfd.store.settings import StoreSettings
from tests.aggregate.sent import NOW, named, request_of, span, total
from tests.fakes import CountingMeter


class FullOnce(MemoryLog):
    """A log without room for its first record."""

    def append(self, *record):
        if not hasattr(self, "was_full"):
            self.was_full = True
            raise Overloaded("full")
        return super().append(*record)


class Perfd:
    """Decoder, intake and aggregate over a log."""

    def __init__(self, log=None):
        self.log = log or MemoryLog()
        self.clock = ManualClock(NOW)
        self.meter = CountingMeter()
        self.store = MemoryStore(StoreSettings(), pace=1.0, meter=self.meter)
        self.decoder = OtlpDecoder(OtlpSettings(), self.meter)
        self.begin()

    def begin(self):
        self.aggregate = Aggregator(
            AggregateSettings(), pace=1.0, meter=self.meter, random=random.Random(1).random
        )
        self.intake = LoggedIntake(self.log, self.aggregate, self.clock, self.meter)
        replay(
            *(self.log, self.store, self.decoder, self.aggregate, self.aggregate.take),
            *(self.meter, self.intake.recent),
        )
        self.intake.open = True

    async def send(self, body):
        await self.intake.accept(self.decoder.decode("traces", PROTO, "", body, self.clock.now()))

    def counted(self):
        self.store.append(self.aggregate.take(self.clock.now()))
        return total(named(self.store.windows(REQUESTS, {}, 0.0, NOW * 2), REQUESTS))[0]


def body(spans=3):
    return request_of([span(end=NOW - 1.0) for _ in range(spans)]).SerializeToString()


async def test_a_retry_is_acknowledged_and_counted_once():
    perfd = Perfd()
    sent = body()
    for _ in range(3):
        await perfd.send(sent)
        perfd.clock.advance(5.0)
    await perfd.send(body())
    assert perfd.counted() == 6
    assert perfd.meter.total("perfd_dropped_items", reason="duplicate", signal="traces") == 6
    assert len(list(perfd.log.replay(-1))) == 2


async def test_a_body_that_was_refused_is_not_a_duplicate():
    perfd = Perfd(FullOnce())
    sent = body()
    with pytest.raises(Overloaded):
        await perfd.send(sent)
    await perfd.send(sent)
    assert perfd.counted() == 3


async def test_a_retry_after_a_crash_is_known_from_the_log():
    perfd = Perfd()
    sent = body()
    await perfd.send(sent)
    perfd.begin()
    await perfd.send(sent)
    assert perfd.counted() == 3


def test_memory_is_bounded_in_number_and_time():
    recent = RecentBodies()
    for i in range(MOST + 10):
        recent.remember("traces", b"%d" % i, i, NOW)
    assert recent.position("traces", b"5", NOW) is None
    assert recent.position("traces", b"15", NOW) == 15
    assert recent.position("traces", b"15", NOW + REMEMBERED + 1.0) is None
    recent.remember("traces", b"new", 1, NOW + REMEMBERED + 1.0)
    assert len(recent._seen) == 1


def test_other_bodies_and_other_signals_are_others():
    recent = RecentBodies()
    recent.remember("traces", b"same", 1, NOW)
    assert recent.position("metrics", b"same", NOW) is None
    assert recent.position("traces", b"Same", NOW) is None
    recent.remember("profiles", b"idle 1", 2, NOW)
    assert recent.position("profiles", b"idle 1", NOW) is None
