"""How much the store keeps, and for how long."""

from __future__ import annotations

from typing import Annotated

import msgspec

from perfd.model.units import Duration, Size

_DAY = 86_400.0

Positive = msgspec.Meta(gt=0)
Span = Annotated[Duration, Positive]
Bytes = Annotated[Size, Positive]


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Real time, whatever the pace. Tickets and the outbox do not expire.

    `findings` also bounds deploys and judgements. `evidence` outlives them, since tickets show it.
    """

    windows: Span = 14 * _DAY
    profiles: Span = 14 * _DAY
    resources: Span = 7 * _DAY
    exemplars: Span = 1 * _DAY
    findings: Span = 90 * _DAY
    evidence: Span = 400 * _DAY


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request log: what was acknowledged and is not yet in the store."""

    max_bytes: Bytes = 256 * 1024 * 1024
    segment_bytes: Bytes = 16 * 1024 * 1024


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`hot` is how long a minute takes late increments before it is packed (divided by pace).

    `keep_stacks` is the share of a profile's value whose stacks survive packing; the rest is folded
    into `[other]`. Above `max_bytes` the oldest hours go first.
    """

    hot: Annotated[Duration, msgspec.Meta(ge=600)] = 7200.0
    max_bytes: Bytes = 4 * 1024 * 1024 * 1024
    keep_stacks: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.995
    retention: Retention = Retention()
    log: LogSettings = LogSettings()
