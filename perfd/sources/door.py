"""What every receiver is handed: behind the transport, they are one door."""

from __future__ import annotations

from dataclasses import dataclass

from perfd.interfaces import Clock, Decoder, Guard, Intake, Meter
from perfd.sources.admission import Admission


@dataclass(frozen=True, slots=True)
class Door:
    """`guard` is that of one listening address; the rest is shared by all."""

    decoder: Decoder
    intake: Intake
    admission: Admission
    guard: Guard
    clock: Clock
    meter: Meter
