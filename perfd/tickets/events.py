"""What can happen to a ticket, and what perfd tells the world about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from perfd.model.deploy import Deploy
from perfd.model.evidence import Found
from perfd.model.ticket import Resolution, Verification


@dataclass(frozen=True, slots=True)
class Seen:
    """A detector found it (again)."""

    found: Found


@dataclass(frozen=True, slots=True)
class Absent:
    """A detector looked at the same change again and no longer stands by it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A version of the ticket's service takes traffic."""

    deploy: Deploy


@dataclass(frozen=True, slots=True)
class FixClaimed:
    """Somebody says that a version holds the fix; empty: the next one.

    `deployed_at` is when that version took traffic, None while it has not.
    """

    version: str = ""
    text: str = ""
    actor: str = "perfd"
    deployed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The verification rule was applied to the version that is verifying."""

    verification: Verification


@dataclass(frozen=True, slots=True)
class Muted:
    """Quiet until `until` (seconds UTC); None: until somebody unmutes it."""

    until: float | None = None
    text: str = ""
    actor: str = "perfd"


@dataclass(frozen=True, slots=True)
class Unmuted:
    """Not quiet any more."""

    actor: str = "perfd"


@dataclass(frozen=True, slots=True)
class Closed:
    """Somebody decided."""

    resolution: Resolution
    text: str = ""
    actor: str = "perfd"


@dataclass(frozen=True, slots=True)
class Reopened:
    """Somebody decided otherwise."""

    text: str = ""
    actor: str = "perfd"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody has read it."""

    actor: str = "perfd"


@dataclass(frozen=True, slots=True)
class Passed:
    """Time passed: hold_for, quiet_for, the end of a mute and deadlines are looked at."""


Event = (
    Seen
    | Absent
    | Deployed
    | FixClaimed
    | Judged
    | Muted
    | Unmuted
    | Closed
    | Reopened
    | Acknowledged
    | Passed
)


class Action(StrEnum):
    """What trackers are told (`Message.event`). A state change that nobody must know has none."""

    OPENED = "opened"
    UPDATED = "updated"
    VERIFIED = "verified"
    CLOSED = "closed"
    REOPENED = "reopened"
    MUTED = "muted"
    UNMUTED = "unmuted"
