"""Trackers from settings; nothing is connected to or written yet."""

from __future__ import annotations

import sys
from pathlib import Path

from perfd.interfaces import Clock, Tracker
from perfd.tickets.settings import (
    ConsoleTracker,
    MarkdownTracker,
    TicketSettings,
    TrackerSettings,
)
from perfd.trackers.console import Console
from perfd.trackers.markdown import MarkdownFolder
from perfd.trackers.webhook import Webhook


def build_trackers(settings: TicketSettings, clock: Clock) -> list[Tracker]:
    """One object per configured tracker, in their order."""
    return [_tracker(tracker, clock) for tracker in settings.trackers]


def _tracker(settings: TrackerSettings, clock: Clock) -> Tracker:
    if isinstance(settings, ConsoleTracker):
        return Console(settings.name, getattr(sys, settings.stream))
    if isinstance(settings, MarkdownTracker):
        return MarkdownFolder(settings.name, Path(settings.folder))
    return Webhook(
        settings.name,
        settings.url,
        clock,
        lambda: _secret(settings.secret_file),
        settings.timeout,
    )


def _secret(file: str) -> bytes:
    """The secret without the line's end; empty when no file is configured. Raises OSError."""
    return Path(file).read_bytes().strip() if file else b""
