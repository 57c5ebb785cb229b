"""The life of the parts: started downstream first, stopped upstream first, each with a status.

An essential part that cannot start or fails later is fatal; an optional one is degraded, says so,
and is tried again with a growing delay.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perfd.errors import PerfdError
from perfd.interfaces import Clock, Component, Status

log = logging.getLogger(__name__)

FIRST_RETRY = 1.0
LONGEST_RETRY = 60.0

STARTING, OK, DEGRADED, FAILED = "starting", "ok", "degraded", "failed"
STOPPING, STOPPED = "stopping", "stopped"


@dataclass(frozen=True, slots=True)
class Part:
    """A component made of two functions."""

    name: str
    start: Callable[[], Coroutine[Any, Any, None]]
    stop: Callable[[], Coroutine[Any, Any, None]]


async def nothing() -> None:
    """How a part starts that works as soon as it is made."""


@dataclass(slots=True)
class _Held:
    component: Component
    essential: bool
    state: str = STOPPED
    detail: str = ""
    since: float = 0.0
    retry: asyncio.Task[None] | None = field(default=None)


class Supervisor:
    """Starts, watches and stops components; it is the Board that pages and /readyz read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parts: dict[str, _Held] = {}
        self._beats: dict[str, tuple[float, float]] = {}
        self.ready = False
        self.failed = asyncio.Event()

    def add(self, component: Component, *, essential: bool = False) -> None:
        """Register a part; parts start in the order in which they are added."""
        self._parts[component.name] = _Held(component, essential, since=self._clock.now())

    def statuses(self) -> Sequence[Status]:
        """All components, essential ones first."""
        ordered = sorted(self._parts.items(), key=lambda item: not item[1].essential)
        return [Status(n, p.state, p.since, p.detail, p.essential) for n, p in ordered]

    def report(self, name: str, state: str, detail: str = "") -> None:
        """Note how a part is; a failed essential part ends the daemon."""
        part = self._parts[name]
        if (part.state, part.detail) == (state, detail):
            return
        part.state, part.detail, part.since = state, detail, self._clock.now()
        if state == FAILED and part.essential:
            log.critical("%s failed: %s", name, detail)
            self.failed.set()

    async def start(self) -> None:
        """Start every part in order; raises when an essential one cannot."""
        for name, part in self._parts.items():
            self.report(name, STARTING)
            try:
                await part.component.start()
            except (PerfdError, OSError) as error:
                if part.essential:
                    self.report(name, FAILED, str(error))
                    raise
                self.report(name, DEGRADED, str(error))
                part.retry = asyncio.create_task(self._retry(name), name=f"retry:{name}")
            else:
                self.report(name, OK)

    async def _retry(self, name: str) -> None:
        delay = FIRST_RETRY
        while True:
            log.warning("%s: %s; next try in %.0f s", name, self._parts[name].detail, delay)
            await asyncio.sleep(delay)
            try:
                await self._parts[name].component.start()
            except (PerfdError, OSError) as error:
                self.report(name, DEGRADED, str(error))
                delay = min(delay * 2, LONGEST_RETRY)
            else:
                self.report(name, OK)
                return

    async def stop(self, within: float) -> None:
        """Stop every part in reverse order; one that does not end in `within` seconds is left."""
        self.ready = False
        for name, part in reversed(self._parts.items()):
            if part.retry is not None:
                part.retry.cancel()
            if part.state == STOPPED:
                continue
            self.report(name, STOPPING)
            try:
                await asyncio.wait_for(part.component.stop(), within)
            except TimeoutError:
                log.error("%s did not stop within %.0f s", name, within)
            except Exception:
                log.exception("%s did not stop cleanly", name)
            self.report(name, STOPPED)

    def beat(self, name: str, every: float) -> None:
        """A sign of life of the essential work `name`, which is due again in `every` seconds."""
        self._beats[name] = (self._clock.monotonic(), every)

    def stale(self) -> list[str]:
        """Essential work that is overdue: three times its period, and never below 10 s."""
        now = self._clock.monotonic()
        return [n for n, (at, every) in self._beats.items() if now - at > max(3 * every, 10.0)]


def notify_systemd(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send `READY=1` and the like to the service manager; False when there is none."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
        wire.sendto(state.encode(), address)
    return True


def watchdog_period(environment: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two `WATCHDOG=1`, half of what the service manager allows, or None."""
    allowed = environment.get("WATCHDOG_USEC", "")
    mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(allowed) / 2e6 if allowed.isdigit() and int(allowed) and mine else None
