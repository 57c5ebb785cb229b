import base64
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfd.errors import BadInput, TooLarge, Unsupported
from perfd.interfaces import Delivery
from perfd.sources.profile_decode import JSON, PROTO, ProfileDecoder
from perfd.sources.profile_labels import labelled_resource
from perfd.sources.sample_settings import ProfileSettings
from tests.fakes import CountingMeter
from tests.sources.pprof_body import Writer, push

CAPTURED = Path(__file__).parent / "captured"
NOW = 1_795_203_700.0


def decode(body: bytes, encoding: str = "", media: str = PROTO) -> Delivery:
    decoder = ProfileDecoder(ProfileSettings(), CountingMeter())
    return decoder.decode("profiles", media, encoding, body, NOW)


def a_profile() -> bytes:
    profile = Writer()
    profile.stack(["main", "quote"], 30_000_000)
    profile.stack(["main"], 10_000_000)
    return profile.bytes()


def as_json(labels: dict[str, str], raw: bytes) -> bytes:
    pairs = [{"name": k, "value": v} for k, v in labels.items()]
    samples = [{"rawProfile": base64.b64encode(raw).decode(), "ID": "1"}]
    return json.dumps({"series": [{"labels": pairs, "samples": samples, "new": {}}]}).encode()


@pytest.mark.parametrize(
    ("file", "types", "items", "seconds"),
    [
        ("pyspy", ["process_cpu:cpu"], 37, 10.0036),
        ("stack", ["process_cpu:cpu"], 35, 5.0001),
        (
            "mem",
            ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"],
            20,
            5.0002,
        ),
    ],
)
def test_what_pyroscope_io_sends(file: str, types: list[str], items: int, seconds: float) -> None:
    body = (CAPTURED / f"pyroscope-io-1.4.0_{file}_push.proto.gz").read_bytes()
    delivery = decode(body, "gzip")
    profiles = delivery.content
    assert [p.type.removeprefix("memory:") for p in profiles] == types
    assert (delivery.items, delivery.body) == (items, body)
    assert profiles[0].duration == pytest.approx(seconds, abs=1e-4)
    assert (profiles[0].resource.service, profiles[0].resource.version) == ("perfd.bench", "1.2.3")
    assert profiles[0].samples[0].stack[0].name == "<module>"


def test_the_values_of_a_captured_profile_are_its_cpu_time() -> None:
    body = (CAPTURED / "pyroscope-io-1.4.0_pyspy_push.proto.gz").read_bytes()
    (profile,) = decode(body, "gzip").content
    # 100 Hz: samples times period are the value, and not more than the upload's ten seconds.
    total = sum(s.value for s in profile.samples)
    assert total == sum(s.hits for s in profile.samples) * 10_000_000
    assert 0.0 < total / 1e9 < profile.duration


def test_json_is_the_same_request() -> None:
    labels = {"service_name": "shop", "__name__": "process_cpu"}
    (a,) = decode(as_json(labels, a_profile()), media=JSON).content
    (b,) = decode(push(labels, a_profile())).content
    assert a == b


def test_an_empty_request_holds_nothing() -> None:
    assert decode(b"").items == 0
    assert decode(b"{}", media=JSON).items == 0


def test_labels_name_the_resource() -> None:
    resource = labelled_resource(
        {
            "__name__": "process_cpu",
            "service_name": "shop",
            "service_git_ref": "ab12",
            "env": "prod",
            "pid": "12",
        }
    )
    assert (resource.service, resource.version) == ("shop", "ab12")
    assert (resource.environment, resource.attribute("process.pid")) == ("prod", "12")
    assert labelled_resource({"service.version": "2", "version": "3"}).version == "2"
    assert labelled_resource({"service_name": ""}).service == "unknown_service"
    assert labelled_resource({"hostname": "h", "pid": "12"}).instance == "h:12"
    assert labelled_resource({"pod": "shop-7"}).instance == "shop-7"


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-protobuf"])
def test_other_media_are_not_spoken(media: str) -> None:
    with pytest.raises(Unsupported):
        decode(b"", media=media)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        pytest.param(b"\x0a\x02" * 1000, "", id="truncated"),
        pytest.param(b"\xff" * 40, "", id="no protobuf"),
        pytest.param(b"not gzip", "gzip", id="no gzip"),
        pytest.param(gzip.compress(b"\x0a\x00" * 100)[:-9], "gzip", id="torn gzip"),
        pytest.param(
            push({"service_name": "shop"}, b"heap profile: 1: 2"),
            "",
            id="a profile of another kind",
        ),
        pytest.param(push({"service_name": "shop"}, a_profile()[:-7]), "", id="a torn profile"),
        pytest.param(
            push({"service_name": "shop"}, gzip.compress(a_profile())[:-9]), "", id="torn within"
        ),
    ],
)
def test_damaged_requests_are_bad_input(body: bytes, encoding: str) -> None:
    with pytest.raises(BadInput):
        decode(body, encoding)


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x00" * 200,
        push({f"l{n}": "" for n in range(65)}),
        push({}, *[b""] * 65),
        push({}, gzip.compress(bytes(9 << 20))),
        push({}, *[gzip.compress(b"\x32\x80\x80\x80\x01" + bytes(2 << 20))] * 5),
        push({}, *[b"\x12\x00" * 100_001] * 2),
    ],
)
def test_bombs_are_too_large(body: bytes) -> None:
    with pytest.raises(TooLarge):
        decode(gzip.compress(body), "gzip")


def test_a_json_bomb_is_too_large() -> None:
    with pytest.raises(TooLarge):
        decode(b'{"series":[' + b"{}," * 1_000_000 + b"{}]}", media=JSON)
    with pytest.raises(BadInput):
        decode(b"[" * 100_000, media=JSON)


def test_a_bad_profile_is_accounted_for_with_its_samples() -> None:
    profile = Writer()
    profile.stack(["a"], 1)
    profile.stack(["b"], 1)
    profile.message.sample[1].location_id[0] = 99
    with pytest.raises(BadInput) as refused:
        decode(push({}, profile.bytes()))
    assert refused.value.items == 2


def test_what_is_cut_is_counted() -> None:
    meter = CountingMeter()
    profile = Writer()
    profile.stack(["n" * 600], 1)
    decoder = ProfileDecoder(ProfileSettings(), meter)
    decoder.decode("profiles", PROTO, "", push({}, profile.bytes()), NOW)
    assert meter.total("perfd_truncated", signal="profiles", what="name") == 1


@given(st.binary(max_size=300), st.sampled_from([PROTO, JSON, ""]), st.sampled_from(["", "gzip"]))
def test_any_bytes_give_bad_input_or_a_delivery(body: bytes, media: str, encoding: str) -> None:
    try:
        delivery = decode(body, encoding, media)
    except BadInput:
        return
    assert delivery.items >= 0
