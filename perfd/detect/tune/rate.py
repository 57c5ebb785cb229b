"""So many of so many, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from perfd.detect.tails import beta_quantile


@dataclass(frozen=True, slots=True)
class Rate:
    """`k` of `n`; the interval is Clopper and Pearson's, 95 %."""

    k: int
    n: int

    @property
    def value(self) -> float:
        """The share; 0 of none."""
        return self.k / self.n if self.n else 0.0

    @property
    def low(self) -> float:
        """No less than this."""
        return beta_quantile(0.025, self.k, self.n - self.k + 1) if self.k else 0.0

    @property
    def high(self) -> float:
        """No more than this."""
        return beta_quantile(0.975, self.k + 1, self.n - self.k) if self.k < self.n else 1.0
