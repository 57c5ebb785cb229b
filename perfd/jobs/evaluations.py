"""When a scan is due, and what the budget gives to it: the same for all that is scanned."""

from __future__ import annotations

from perfd.detect.budget import SCAN, Share
from perfd.detect.filters.shadow import hidden
from perfd.detect.settings import DetectSettings
from perfd.jobs.budgets import Budgets
from perfd.model.times import LATENESS

HOUR = 3600.0


def every(settings: DetectSettings) -> int:
    """Cells between two evaluations."""
    return max(round(settings.scan.every / HOUR), 1)


def due(now: float, width: float, settings: DetectSettings) -> int:
    """The cell, counted from the epoch, before which the newest evaluation looks.

    Evaluations are at whole multiples of `detect.scan.every` since the epoch.
    """
    complete = int((now - LATENESS) / width + 1e-6)
    return complete // every(settings) * every(settings)


def given(budgets: Budgets, service: str, key: str, now: float, settings: DetectSettings) -> Share:
    """What its tests may spend, charged at once; in shadow nothing is spent."""
    share = budgets.share(service, key, now, SCAN)
    if not hidden(service, settings):
        budgets.charge(service, key, share, now, SCAN)
    return share
