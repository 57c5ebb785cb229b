"""A Pyroscope push request, protobuf or JSON, to Profiles: for the receiver and for replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from perfd.errors import BadInput, TooLarge, Unsupported
from perfd.interfaces import Delivery, Meter, Signal
from perfd.model.profile import Profile
from perfd.sources.frames import printable
from perfd.sources.inflate import inflate
from perfd.sources.pprof import Origin, open_pprof, read_pprof
from perfd.sources.profile_labels import labelled_resource
from perfd.sources.profile_proto import LabelPair, PushRequest, RawProfileSeries, RawSample
from perfd.sources.sample_settings import ProfileSettings

PROTO = "application/proto"
JSON = "application/json"

MAX_PROFILES = 64  # in one request; clients send one
MAX_LABELS = 64
LONGEST_LABEL = 256


class _JsonPair(msgspec.Struct):
    name: str = ""
    value: str = ""


class _JsonSample(msgspec.Struct, rename="camel"):
    raw_profile: bytes = b""


class _JsonSeries(msgspec.Struct):
    labels: list[_JsonPair] = []
    samples: list[_JsonSample] = []


class _JsonPush(msgspec.Struct):
    series: list[_JsonSeries] = []


class RawProfile(NamedTuple):
    """One pprof file of a request, and the labels of its series."""

    labels: dict[str, str]
    raw: bytes


class ProfileDecoder:
    """The Decoder of interfaces.py for the signal "profiles"; `content` is a list of Profiles."""

    def __init__(self, settings: ProfileSettings, meter: Meter) -> None:
        self._settings = settings
        self._meter = meter

    def decode(
        self, signal: Signal, media: str, encoding: str, body: bytes, received_at: float
    ) -> Delivery:
        """Raises BadInput, TooLarge or Unsupported with the number of samples in the request."""
        plain = inflate(body, encoding, self._settings.max_profile_size)
        opened = list(self._open(raw_profiles(plain, media)))
        profiles: list[Profile] = []
        try:
            for labels, pprof, _ in opened:
                profiles += self._read(pprof, labels, received_at)
        except BadInput as error:
            error.items = max(sum(samples for _, _, samples in opened), 1)
            raise
        items = sum(profile.items for profile in profiles)
        size = sum(len(pprof) for _, pprof, _ in opened)
        return Delivery(signal, media, encoding, body, received_at, items, profiles, size=size)

    def _open(self, raws: Iterable[RawProfile]) -> Iterator[tuple[dict[str, str], bytes, int]]:
        """Labels, plain pprof and its number of samples; the limits are for all together."""
        room, items = self._settings.max_profile_size, self._settings.max_items
        for labels, raw in raws:
            plain, samples = open_pprof(raw, room, items)
            room -= len(plain)
            items -= samples
            yield labels, plain, samples

    def _read(self, pprof: bytes, labels: dict[str, str], received_at: float) -> list[Profile]:
        origin = Origin(
            labelled_resource(labels),
            labels.get("__name__", ""),
            received_at,
            labels.get("otel.scope.name", ""),
        )
        profiles, cuts = read_pprof(pprof, origin, self._settings)
        for what, times in cuts.items():
            if times:
                self._meter.count("perfd_truncated", times, signal="profiles", what=what)
        return profiles


def raw_profiles(plain: bytes, media: str) -> list[RawProfile]:
    """The pprof files in a request. Raises BadInput, TooLarge or Unsupported."""
    if media == PROTO:
        return list(_from_proto(plain))
    if media == JSON:
        return list(_from_json(plain))
    raise Unsupported(f"{media or 'no media type'!r} is not accepted; use {PROTO} or {JSON}")


def _from_proto(plain: bytes) -> Iterator[RawProfile]:
    """Each level is parsed as bare bytes and bounded before the next one is."""
    try:
        series = PushRequest.FromString(plain).series
        _bound(len(series), MAX_PROFILES, "series")
        for one in map(RawProfileSeries.FromString, series):
            _bound(len(one.labels), MAX_LABELS, "labels")
            _bound(len(one.samples), MAX_PROFILES, "profiles")
            pairs = [LabelPair.FromString(pair) for pair in one.labels]
            labels = {_label(pair.name): _label(pair.value) for pair in pairs}
            for sample in one.samples:
                yield RawProfile(labels, RawSample.FromString(sample).raw_profile)
    except DecodeError as error:
        raise BadInput(f"the body is not a push.v1.PushRequest: {error}") from None


def _from_json(plain: bytes) -> Iterator[RawProfile]:
    _bound(plain.count(b"{"), MAX_PROFILES * (MAX_LABELS + 2), "JSON objects")
    try:
        request = msgspec.json.decode(plain, type=_JsonPush)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(f"the body is not a push.v1.PushRequest in JSON: {error}") from None
    for series in request.series:
        _bound(len(series.labels), MAX_LABELS, "labels")
        pairs = ((p.name.encode(), p.value.encode()) for p in series.labels)
        labels = {_label(name): _label(value) for name, value in pairs}
        yield from (RawProfile(labels, sample.raw_profile) for sample in series.samples)


def _bound(have: int, most: int, what: str) -> None:
    if have > most:
        raise TooLarge(f"the request holds {have} {what}; the limit is {most}")


def _label(raw: bytes) -> str:
    return printable(raw, LONGEST_LABEL)[0]
