"""A function whose share rose, and what is known around it: what the filters look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfd.detect.functions.comparison import Comparison
from perfd.detect.functions.settings import FunctionSettings
from perfd.detect.functions.tree import Tree


@dataclass(frozen=True, slots=True)
class Usual:
    """What happened to the shares of most functions: the median of their shifts, and its error.

    One that rises lowers all others, and one that falls raises them. None of `functions` that
    have samples enough is not known.
    """

    shift: float
    error: float
    functions: int


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds per request of the service on both sides, and the error of ln(after / before)."""

    before: float
    after: float
    error: float


@dataclass(frozen=True, slots=True)
class Rise:
    """`own` says that self samples are meant, else all that hold the function.

    `counts` are the function's among all samples; `level` is the tree without what the mix of
    requests did (balance.py); `requests` those of each operation, before and
    after, where anything counts them.
    """

    function: int
    own: bool
    counts: Comparison
    tree: Tree
    level: Tree
    usual: Usual | None
    cost: Cost | None
    settings: FunctionSettings
    requests: Mapping[str, tuple[float, float]] = field(default_factory=dict)
