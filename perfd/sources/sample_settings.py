"""Settings of what perfd samples on this machine, and of the profiles that are pushed to it."""

from __future__ import annotations

import msgspec

from perfd.model.units import Duration, Size


class SampleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is read of this machine, and how often (divided by `pace`)."""

    interval: Duration = 10.0
    host: bool = True
    containers: bool = True
    processes: bool = True
    max_processes: int = 256  # of those that telemetry names; the rest is counted


class ProfileSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits on pushed profiles. Over a size or a count the request is refused with 413.

    A deep stack or a long name is cut and counted. The largest profile of google/pprof's tests, of
    23,000 generated functions, has 20,430 samples, 23,355 locations and 1.9 MB; a Python service
    sends 20 kB.
    """

    max_request_body_size: Size = 4 * 1024 * 1024  # as sent
    max_profile_size: Size = 8 * 1024 * 1024  # inflated
    max_items: int = 200_000  # samples; and as many locations, functions and lines together
    max_depth: int = 512
    max_name_length: int = 512
