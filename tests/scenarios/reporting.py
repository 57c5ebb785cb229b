"""How a service reports: what, how much of it, how late, and how often the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

EXPLICIT, EXPONENTIAL = "explicit", "exponential"
DELTA, CUMULATIVE = "delta", "cumulative"

# Seconds: the boundaries that the semantic conventions advise.
BOUNDS = (.005, .01, .025, .05, .075, .1, .25, .5, .75, 1., 2.5, 5., 7.5, 10.)  # fmt: skip


@dataclass
class Reporting:
    """Everything may be changed while the world runs.

    `sampled` is the share of traces that is kept at their root, the same traces in every service;
    with `tracestate` the spans say so (`ot=th:…`). `tail` gets durations and failures of requests
    and says which a tail sampler keeps. `delay` is from the end of a step to the arrival of its
    telemetry, in seconds; `duplicated` is the share of bodies that arrive twice, `lost` never.
    """

    spans: bool = True
    sampled: float = 1.0
    tracestate: bool = True
    tail: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    metrics: bool = False  # http.server.request.duration
    histogram: str = EXPLICIT
    bounds: Sequence[float] = BOUNDS  # of an explicit one
    scale: int = 5  # of an exponential one
    temporality: str = CUMULATIVE
    versioned: bool = True  # whether the resource carries service.version
    named: bool = True  # whether it carries service.instance.id
    delay: float = 2.0
    duplicated: float = 0.0
    lost: float = 0.0
    samplers: dict[str, str] = field(default_factory=dict)  # who takes the profiles of a version
    attributes: dict[str, str] = field(default_factory=dict)  # of the resource, beside the usual
