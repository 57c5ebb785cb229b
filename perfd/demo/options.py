"""What a person may ask of the demo, and how long each of its waits takes at the wanted pace."""

from __future__ import annotations

from dataclasses import dataclass

# perfd's own minimum waits, which `pace` divides ...
BASELINE_SECONDS = 3600
AFTER_SECONDS = 1800
# ... and those that it does not.
WARM_UP_SECONDS = 20
LATENESS_SECONDS = 15


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The flags of `perfd demo`."""

    fast: bool = False
    then_fix: bool = False
    no_regression: bool = False
    exit: bool = False
    json: bool = False

    @property
    def pace(self) -> int:
        """How many times faster than in earnest perfd goes about its waits."""
        return 60 if self.fast else 20

    @property
    def baseline(self) -> float:
        """Seconds of traffic before the first deploy: warm-up, what perfd wants, and some spare."""
        return WARM_UP_SECONDS + BASELINE_SECONDS / self.pace + 8

    @property
    def judgement(self) -> float:
        """Seconds after a deploy within which perfd must have judged it, confirmation included."""
        return WARM_UP_SECONDS + AFTER_SECONDS / self.pace + LATENESS_SECONDS + self.slack

    @property
    def verification(self) -> float:
        """Seconds after a fix within which it must be verified; that may take twice the traffic."""
        return self.judgement + AFTER_SECONDS / self.pace

    @property
    def all_looks(self) -> float:
        """Seconds after a deploy until perfd has looked at it as often as it does on the same day.

        The last of these looks comes four times as late as the first.
        """
        return self.judgement + 3 * AFTER_SECONDS / self.pace

    @property
    def slack(self) -> float:
        """Seconds for evaluations to be repeated, ten times at most, and for a slow machine."""
        return 10 + 600 / self.pace
