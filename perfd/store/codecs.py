"""Which codec stores which kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfd.store.codec import Codec
from perfd.store.exemplar_codec import ExemplarCodec
from perfd.store.gauge_codec import GaugeCodec
from perfd.store.increments import Kind
from perfd.store.profile_codec import ProfileCodec
from perfd.store.window_codec import WindowCodec

CODECS: Mapping[Kind, Codec[Any]] = {
    Kind.WINDOW: WindowCodec(),
    Kind.GAUGE: GaugeCodec(),
    Kind.PROFILE: ProfileCodec(),
    Kind.EXEMPLAR: ExemplarCodec(),
}
