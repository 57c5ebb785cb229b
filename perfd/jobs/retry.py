"""When to try a delivery again, and when to let it be."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from perfd.errors import DeliveryError
from perfd.tickets.outbox import DONE, FAILED, WAITING, Attempt, OutboxEntry

# Seconds; real, never divided by pace: the other side does not know our pace.
FIRST_WAIT, LONGEST_WAIT = 2.0, 900.0
LONGEST_RETRY_AFTER = 86_400.0
GIVE_UP = 7 * 86_400.0  # a message older than that is no news any more
LONGEST_ERROR = 500


class Outcome(NamedTuple):
    """The attempt to remember, and the word it is counted under."""

    attempt: Attempt
    word: str


def delivered(old: Attempt, url: str) -> Outcome:
    """It is there."""
    return Outcome(Attempt(DONE, old.tries + 1, url=url), "delivered")


def superseded(old: Attempt) -> Outcome:
    """A newer message of the same ticket waits behind it, so nobody needs this one."""
    return Outcome(Attempt(FAILED, old.tries, error="superseded by a newer one"), "superseded")


def failed(
    problem: DeliveryError, entry: OutboxEntry, old: Attempt, now: float, random: Random
) -> Outcome:
    """It is not there: tried again later, or given up."""
    error = str(problem)[:LONGEST_ERROR]
    tries = old.tries + 1
    if not problem.retryable:
        return Outcome(Attempt(FAILED, tries, error=error), "refused")
    if now - entry.at > GIVE_UP:
        return Outcome(Attempt(FAILED, tries, error=error), "expired")
    again = now + wait(old.tries, problem.retry_after, random)
    return Outcome(Attempt(WAITING, tries, again, error=error), "retry")


def wait(tries: int, retry_after: float | None, random: Random) -> float:
    """Doubles up to a quarter of an hour, half of it by chance; never shorter than Retry-After."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries, 16))
    chosen = longest / 2 + random.random() * longest / 2
    return max(chosen, min(retry_after or 0.0, LONGEST_RETRY_AFTER))
