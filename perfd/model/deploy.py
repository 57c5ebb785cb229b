"""Deploys: a version of a service taking traffic, seen in the telemetry or announced."""

from __future__ import annotations

from dataclasses import dataclass

from perfd.model.identity import fingerprint

ANNOUNCED = "announced"


@dataclass(frozen=True, slots=True)
class Deploy:
    """`version` replaces `previous` at `at` (seconds, UTC).

    `source` is "traffic" (its share rose through 1 %), "announced" (POST /api/v1/deploys),
    "restart", "image", or "withdrawn" (`previous` was taken back, and `version` had never gone).
    `claims` are ticket ids named by a `Perf-Ticket:` trailer in `message`.
    """

    service: str
    environment: str
    version: str
    previous: str
    at: float
    source: str = "traffic"
    commit: str = ""
    url: str = ""
    message: str = ""
    claims: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Deterministic: a deploy that is found again is the same deploy.

        `at` is rounded to the second.
        """
        return fingerprint(
            "deploy", self.service, self.environment, self.version, str(int(self.at))
        )
