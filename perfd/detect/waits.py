"""Intentional waits: an operation that waits for something to happen, and gives up after a time.

A long poll, or a blocking pop from a queue, answers when a message comes, or with nothing when its
time-out ends. How long that takes is decided by those who send messages and by a configured number,
and says nothing of the code. It is known by the shape of its latencies, the same in every hour: a
good part of its requests ends at one round number of seconds, hardly one ends later, and the others
end at any time before. Even that could be a computation of a fixed length, so the service must have
spent next to no CPU meanwhile, or the operation's name must say that it waits.

Both sides of a change must be such waits. Where the time-out is another one, as many as before must
have ended at any time before it, while code that got slower moves all of them. Failures are no
wait. What starts cold is kept apart before this, as the warm-up of an instance; what runs less
often than five times an hour, as many a batch does, is not judged at all.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfd.detect.candidate import ALL_OPERATIONS, Candidate
from perfd.model.finding import Check
from perfd.model.histogram import BUCKETS_PER_OCTAVE, bucket_index
from perfd.model.window import Gauge, Window

NAME = "intentional wait"
LATENCY = "latency."
ROUND = (1, 2, 3, 5, 10, 15, 20, 25, 30, 40, 45, 50, 55, 60, 90, 120, 180, 240, 300, 600, 900)  # s
EARLIEST, LATEST = 0.99, 1.03  # of a round time-out: its bucket's middle, and what ending costs
SIDE = 1  # buckets of 2.2 % on either side of the fullest one, that belong to its spike
SHARE = 0.25  # of all requests are in the spike, at least
BEYOND = 0.01  # of all requests may end later than the spike
EDGE = 5.0  # times as many in the spike as in as many buckets before it
EARLY = 0.02  # of all requests end before, at least: something came
ANY_TIME = 0.15  # of those end in the second quarter of the time-out, and in its second half
FAILED = 0.02  # of the requests: where a time-out is a failure, nobody meant to wait
FEWEST = 200  # requests of a side
FEWEST_HOURS = 6
IN_HOUR = 20  # requests that an hour needs, to tell where its spike is
STEADY = 0.9  # of the hours have the spike in the same place
ALIKE = 1.25  # times as many, or as few, that had ended at one time: messages come as before
IDLE = 0.1  # CPU seconds of the whole service per second that was waited, at most
WAITING = re.compile(r"(?:^|[^a-z])(?:long.?poll|poll|receive|b[lrz]?pop|subscribe|watch|wait)")


class Wait(NamedTuple):
    """`timeout` in seconds; the share of requests that end there, and how long all of them took.

    `held` counts requests by their bucket.
    """

    timeout: int
    share: float
    seconds: float
    held: Counter[int]

    def ended(self, seconds: float) -> float:
        """The share of requests that had ended after so many seconds."""
        last = bucket_index(seconds)
        return sum(n for bucket, n in self.held.items() if bucket <= last) / self.held.total()


def check(candidate: Candidate) -> Check | None:
    """Stands in the way where both sides wait on purpose; None of every other operation."""
    if not candidate.metric.startswith(LATENCY) or candidate.operation == ALL_OPERATIONS:
        return None
    if candidate.case.by_metric:  # whose buckets are too wide to show where requests end
        return None
    old, new = learned(candidate.before), learned(candidate.after)
    if old is None or new is None or not _only_moved(old, new):
        return None
    spent = (_spent(candidate.cpu_before), _spent(candidate.cpu_after))
    named = bool(WAITING.search(candidate.operation.lower()))
    if not named and not all(_idle(cpu, side) for cpu, side in zip(spent, (old, new), strict=True)):
        return None
    inputs: dict[str, float | int | str] = {
        "timeout_before": old.timeout,
        "timeout_after": new.timeout,
        "share_before": old.share,
        "share_after": new.share,
        "named": int(named),
    }
    return Check(NAME, False, _words(old, new), inputs)


def learned(windows: Iterable[Window]) -> Wait | None:
    """The time-out of an operation, of the windows of one side; None of an ordinary one."""
    hours, requests, failed, seconds = _hours(windows)
    whole = sum(hours.values(), Counter())
    measured = whole.total()
    if measured < FEWEST or len(hours) < FEWEST_HOURS or failed > FAILED * requests:
        return None
    peak = _peak(whole)
    timeout = _round(whole, peak)
    if timeout is None or not _shaped(whole, peak) or not _everywhere(hours.values(), peak):
        return None
    return Wait(timeout, _near(whole, peak) / measured, seconds, whole)


def _only_moved(old: Wait, new: Wait) -> bool:
    """Another time-out leaves alone what ends before; what got slower as a whole is no wait."""
    if old.timeout == new.timeout:
        return True
    half = min(old.timeout, new.timeout) / 2.0
    before, after = old.ended(half), new.ended(half)
    return before <= ALIKE * after and after <= ALIKE * before


def _hours(windows: Iterable[Window]) -> tuple[dict[float, Counter[int]], int, int, float]:
    """Buckets by start; requests, failures, and seconds of all."""
    hours: defaultdict[float, Counter[int]] = defaultdict(Counter)
    requests, failed, seconds = 0, 0, 0.0
    for window in windows:
        hours[window.start].update(window.histogram.buckets)
        requests += window.count
        failed += window.errors
        seconds += window.histogram.total
    return hours, requests, failed, seconds


def _peak(held: Counter[int]) -> int:
    """The fullest bucket."""
    return max(held, key=lambda bucket: (held[bucket], -bucket))


def _near(held: Counter[int], peak: int) -> int:
    """How many are in the spike."""
    return _within(held, peak - SIDE, peak + SIDE + 1)


def _within(held: Counter[int], first: int, stop: int) -> int:
    return sum(held[bucket] for bucket in range(first, stop))


def _round(held: Counter[int], peak: int) -> int | None:
    """The round number of seconds at which the spike is, by the mean of its buckets."""
    buckets = range(peak - SIDE, peak + SIDE + 1)
    middle = sum((bucket + 0.5) * held[bucket] for bucket in buckets) / _near(held, peak)
    at = float(2.0 ** (middle / BUCKETS_PER_OCTAVE))
    return next((t for t in ROUND if EARLIEST <= at / t <= LATEST), None)


def _shaped(held: Counter[int], peak: int) -> bool:
    """A spike with an edge before it and nothing behind it, and others that end at any time."""
    measured, spike = held.total(), _near(held, peak)
    first = peak - SIDE
    beyond = sum(n for bucket, n in held.items() if bucket > peak + SIDE)
    if spike < SHARE * measured or beyond > BEYOND * measured:
        return False
    before = _within(held, first - 2 * SIDE - 1, first)
    early = sum(n for bucket, n in held.items() if bucket < first)
    half, quarter = (peak - octaves * BUCKETS_PER_OCTAVE for octaves in (1, 2))
    parts = _within(held, quarter, half), _within(held, half, first)
    late_enough = min(parts) >= ANY_TIME * early
    return spike >= EDGE * before and early >= EARLY * measured and late_enough


def _everywhere(hours: Iterable[Counter[int]], peak: int) -> bool:
    """Whether nearly every hour has the spike in the same place, whatever its load."""
    told = [hour for hour in hours if hour.total() >= IN_HOUR]
    same = sum(abs(_peak(hour) - peak) <= SIDE for hour in told)
    return len(told) >= FEWEST_HOURS and same >= STEADY * len(told)


def _spent(cpu: Sequence[Gauge]) -> float | None:
    """CPU seconds of the service; None where nobody measured them."""
    return sum(gauge.total for gauge in cpu) if cpu else None


def _idle(spent: float | None, side: Wait) -> bool:
    """All that the service computed is next to nothing beside the time that this one took."""
    return spent is not None and spent <= IDLE * side.seconds


def _words(old: Wait, new: Wait) -> str:
    ends = f"{new.share:.0%} of its requests end after {new.timeout} s, its time-out"
    if new.timeout != old.timeout:
        return f"it waits on purpose: {ends}, which was {old.timeout} s before"
    return f"it waits on purpose: {ends}; {old.share:.0%} did before"
