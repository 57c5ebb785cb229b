"""Rows of one writer as another perfd takes them: whole and with a revision, never increments.

Whoever holds two of the same place keeps the one with the greater revision, and readers add up the
writers. So it does not matter how often, in which order and in how many pieces they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from perfd.model.agent import Agent
from perfd.model.deploy import Deploy
from perfd.model.profile import ProfileWindow, Symbols
from perfd.model.window import Gauge, Window


@dataclass(frozen=True, slots=True)
class Partial:
    """All that one writer has of one series in one minute, as of `revision`.

    Exemplars are a window of their own without counts: one for each hour, at its first minute.
    """

    revision: int
    item: Window | Gauge | ProfileWindow


@dataclass(frozen=True, slots=True)
class Shipment:
    """What an agent tells its centre at once.

    With it a centre that has everything of this writer up to the revision `after` has everything up
    to `upto`. `symbols` are those
    that the profiles need and the centre does not have yet. `width` is the length of the writer's
    minutes in seconds.
    """

    agent: Agent
    upto: int
    width: float
    partials: tuple[Partial, ...] = ()
    symbols: Symbols = field(default_factory=Symbols)
    deploys: tuple[Deploy, ...] = ()
    after: int = -1

    @property
    def empty(self) -> bool:
        """Whether it only says that the agent is alive."""
        return not (self.partials or self.symbols.nodes or self.deploys)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A centre's answer: it has, on disk, all of the writer up to the revision `accepted`.

    `centre` names the centre's store: another one knows nothing of what this one was told.
    """

    accepted: int
    centre: int
