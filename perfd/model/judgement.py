"""How far the judging of a deploy is, so that a page can say "12 of 30 minutes"."""

from __future__ import annotations

from dataclasses import dataclass

WAITING = "waiting"  # too early to say anything
JUDGED = "judged"  # looked at; looked at again until `due` is None
TOO_LITTLE = "too_little"  # nothing could be judged, and nothing more will come
SUPERSEDED = "superseded"  # another deploy came before this one could be judged


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one deploy. `progress` of `needed` seconds of the new version have been seen.

    `due` is when it is looked at next (seconds UTC), None when it will not be any more. `opened`
    of `findings` are for a ticket, `finding_id` being the one; `looks` are the looks so far.
    """

    deploy_id: str
    service: str
    environment: str
    version: str
    previous: str
    deployed_at: float
    state: str
    reason: str
    due: float | None
    judged_at: float | None = None
    looks: int = 0
    progress: float = 0.0
    needed: float = 0.0
    findings: int = 0
    opened: int = 0
    finding_id: str = ""
