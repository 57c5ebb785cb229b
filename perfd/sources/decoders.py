"""One decoder for all signals: what arrived last week is replayed by what decodes today."""

from __future__ import annotations

from collections.abc import Mapping

from perfd.errors import Unsupported
from perfd.interfaces import Decoder, Delivery, Signal


class Decoders:
    """Hands a body to the decoder of its signal; implements the Decoder of interfaces.py."""

    def __init__(self, by_signal: Mapping[Signal, Decoder]) -> None:
        self._by_signal = by_signal

    def decode(
        self, signal: Signal, media: str, encoding: str, body: bytes, received_at: float
    ) -> Delivery:
        """Raises BadInput, TooLarge or Unsupported; never anything else."""
        decoder = self._by_signal.get(signal)
        if decoder is None:
            raise Unsupported(f"{signal} is not a signal that perfd takes")
        return decoder.decode(signal, media, encoding, body, received_at)
