"""Settings of tickets: how patient the machine is, how a fix is judged, and where tickets go."""

from __future__ import annotations

import msgspec

from perfd.model.units import Duration


class ConsoleTracker(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="type",
    tag="console",
):
    """One line per change of a ticket, on standard error or output."""

    name: str = "console"
    stream: str = "stderr"

    def __post_init__(self) -> None:
        if self.stream not in ("stderr", "stdout"):
            raise ValueError(f"stream: {self.stream!r} is neither stderr nor stdout")


class MarkdownTracker(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="type",
    tag="markdown",
):
    """One file per ticket in a folder, kept up to date in place."""

    name: str = "markdown"
    folder: str


class WebhookTracker(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="type",
    tag="webhook",
):
    """A signed JSON document per change, by POST. Never follows a redirect."""

    name: str = "webhook"
    url: str
    secret_file: str = ""
    timeout: Duration = 10.0

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url: {self.url!r} is not an http or https URL")
        if not self.timeout > 0:
            raise ValueError("timeout: must be above 0")


TrackerSettings = ConsoleTracker | MarkdownTracker | WebhookTracker


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tickets that match all three patterns (`*` and `?`) go to these trackers only.

    The first route that matches decides; a ticket that none matches goes to every tracker.
    """

    service: str = "*"
    environment: str = "*"
    kind: str = "*"
    trackers: tuple[str, ...]


class TicketSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ticket machine. `pace` divides hold_for, quiet_for and the three verify_* durations.

    `hold_for` is Prometheus' `for` and `quiet_for` its `keep_firing_for`. The first is 0 by
    default, because a deploy is judged on 30 minutes of data already. `quota` is how many tickets
    may open per service within 24 hours; what is over it stays visible as a finding that was not
    opened.
    """

    hold_for: Duration = 0.0
    quiet_for: Duration = 3600.0
    verify_after: Duration = 1800.0
    verify_requests: int = 300
    verify_deadline: Duration = 259_200.0  # three days: a weekend of little traffic
    guard: float = 0.05
    quota: int = 5
    trackers: tuple[TrackerSettings, ...] = (ConsoleTracker(),)
    routes: tuple[Route, ...] = ()

    def __post_init__(self) -> None:
        for name in ("hold_for", "quiet_for", "verify_after", "verify_requests", "guard"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: must not be negative")
        if self.verify_deadline <= self.verify_after:
            raise ValueError("verify_deadline: must be longer than verify_after")
        if self.quota < 1:
            raise ValueError("quota: must be at least 1")
        self._check_names()

    def _check_names(self) -> None:
        names = [tracker.name for tracker in self.trackers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"trackers: {', '.join(twice)} is used twice; give each its own name")
        unknown = sorted({t for route in self.routes for t in route.trackers} - set(names))
        if unknown:
            raise ValueError(f"routes: there is no tracker named {', '.join(unknown)}")
