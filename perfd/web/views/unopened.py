"""Findings that no ticket came of, each with the reason: silence that can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfd.model.finding import Check, Finding
from perfd.tickets.wording import before_after, effect_text, metric_name

_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Unopened:
    """One line: what moved, and why it was left alone."""

    finding: Finding
    metric: str
    figures: str
    reason: str
    checks: tuple[Check, ...]


def unopened(findings: Sequence[Finding]) -> tuple[Unopened, ...]:
    """The newest that were not opened."""
    left = [finding for finding in findings if not finding.opened]
    return tuple(
        Unopened(f, metric_name(f.metric), _figures(f), _reason(f, findings), f.checks)
        for f in left[:_SHOWN]
    )


def _reason(finding: Finding, others: Sequence[Finding]) -> str:
    """The reason, with another finding's id replaced by what that one is about."""
    named = next((other for other in others if other.id in finding.reason), None)
    if named is None:
        return finding.reason
    return finding.reason.replace(named.id, f"{metric_name(named.metric)} of {named.operation}")


def _figures(finding: Finding) -> str:
    if finding.before is None or finding.after is None:
        return "–"
    sides = before_after(finding.before, finding.after, finding.unit)
    return f"{sides}, {effect_text(finding.effect, finding.unit)}" if finding.effect else sides
