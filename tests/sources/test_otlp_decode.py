"""OTLP bodies to deliveries: what is read of them, and that any bytes have a clear end."""

import base64
import gzip
import json
import math
import random
import re

import pytest
from google.protobuf import json_format
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from perfd.errors import BadInput, TooLarge, Unsupported
from perfd.model.attribute import pair, prefix, value_of
from perfd.model.series import Resource
from perfd.model.span import status_code
from perfd.sources.otlp_decode import JSON, PROTO, OtlpDecoder
from perfd.sources.otlp_proto import KeyValue, check_backend
from perfd.sources.settings import OtlpSettings
from tests.aggregate.sent import NOW, fill, nanoseconds, request_of, resource_of, span
from tests.fakes import CountingMeter
from tests.sources.telemetry_bodies import as_json, logs, metrics, traces

SIGNALS = ("traces", "metrics", "logs")


def decoder(**limits):
    return OtlpDecoder(OtlpSettings(**limits), CountingMeter())


def decode(body, signal="traces", media=PROTO, encoding="", **limits):
    return decoder(**limits).decode(signal, media, encoding, body, NOW)


def otlp_json(request):
    """What a JSON exporter sends: protobuf's JSON with ids in hexadecimal and enums as numbers."""
    text = json_format.MessageToJson(request, use_integers_for_enums=True)

    def hexadecimal(found):
        raw = base64.b64decode(found[2])
        return f'"{found[1]}": "{raw.hex().upper()}"'

    return re.sub(r'"(traceId|spanId|parentSpanId)": "([^"]*)"', hexadecimal, text).encode()


def content(delivery):
    """Everything that perfd holds of a delivery, comparable."""
    batches = delivery.content or []
    parts = [getattr(b, "spans", None) or getattr(b, "metrics", []) for b in batches]
    return [
        (b.resource, [known(message) for message in part])
        for b, part in zip(batches, parts, strict=True)
    ]


def known(message):
    """The fields that perfd's view has; events, for one, are none of them."""
    message.DiscardUnknownFields()
    return message.SerializeToString(deterministic=True)


scalars = st.one_of(
    st.text(max_size=8),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(st.text(max_size=4), max_size=3),
)
attributes = st.dictionaries(st.text(min_size=1, max_size=8), scalars, max_size=4)
spans = st.builds(
    lambda values, kind, error, state, parent: span(
        "näme", attributes=values, kind=kind, error=error, state=state, parent=parent, flags=0x301
    ),
    attributes,
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from(["", "ot=th:8"]),
    st.sampled_from([b"", b"\x00" * 7 + b"\xff"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(spans, max_size=4), attributes)
def test_json_and_protobuf_are_the_same_spans(sent, resource):
    request = request_of(sent, resource)
    one = decode(request.SerializeToString())
    other = decode(otlp_json(request), media=JSON)
    assert one.items == other.items == len(sent)
    assert content(one) == content(other)


def test_json_and_protobuf_are_the_same_metrics():
    request = ExportMetricsServiceRequest()
    part = request.resource_metrics.add()
    fill(part.resource.attributes, resource_of())
    metrics = part.scope_metrics.add().metrics
    for name in ("gauge", "sum", "histogram", "exponential_histogram"):
        data = getattr(metrics.add(name=name, unit="s"), name)
        point = data.data_points.add(time_unix_nano=nanoseconds(NOW), start_time_unix_nano=1)
        fill(point.attributes, {"a": 1, "b": "x"})
        if name == "sum":
            data.is_monotonic = True
        if name != "gauge":
            data.aggregation_temporality = 2
    points = [metrics[0].gauge.data_points[0], metrics[1].sum.data_points[0]]
    points[0].as_double, points[1].as_int = 2.5, -7
    explicit = metrics[2].histogram.data_points[0]
    explicit.count, explicit.sum = 3, 0.5
    explicit.bucket_counts.extend([1, 2])
    explicit.explicit_bounds.extend([0.1])
    finer = metrics[3].exponential_histogram.data_points[0]
    finer.count, finer.sum, finer.scale, finer.zero_count = 300, 1.5, -3, 1
    finer.positive.offset = -5
    finer.positive.bucket_counts.extend([299, 0, 1])
    one = decode(request.SerializeToString(), "metrics")
    other = decode(otlp_json(request), "metrics", JSON)
    assert one.items == other.items == 4
    assert content(one) == content(other)


def test_json_as_loose_as_the_specification_allows():
    text = {
        "resourceSpans": [
            {
                "resource": {"attributes": [], "unknown": {"deep": [1, {}]}},
                "schemaUrl": "x",
                "scopeSpans": [
                    {
                        "scope": {"name": "s"},
                        "spans": [
                            {
                                "traceId": "AbCdEf" + "0" * 26,
                                "spanId": "00000000000000aB",
                                "parentSpanId": None,
                                "startTimeUnixNano": 1700000000000000000,
                                "endTimeUnixNano": "1700000000100000000",
                                "kind": 2,
                                "new_field": 1e3,
                                "events": [{"name": "e"}],
                                "attributes": [{"key": "n", "value": {"intValue": "-5"}}],
                            }
                        ],
                    }
                ],
            },
            {"resource": None, "scopeSpans": None},
        ]
    }
    delivery = decode(json.dumps(text).encode(), media="application/json; charset=utf-8")
    (batch,) = delivery.content
    (one,) = batch.spans
    assert one.trace_id.hex() == "abcdef" + "0" * 26
    assert one.span_id.hex() == "00000000000000ab"
    assert one.end_time_unix_nano - one.start_time_unix_nano == 100_000_000
    assert pair(one.attributes[0]) == ("n", "-5")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": "SPAN_KIND_SERVER"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": 99999999999}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": 1e999}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": -1}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "1.5"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\\ud800"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\xff"}]}]}]}',
        b'{"resourceSpans": ' + b"[" * 50_000,
        b'{"x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"resourceSpans": [{"resource": {"attributes": [{"key": "k", "value": '
        + b'{"arrayValue": {"values": [' * 2_000
        + b"]}}" * 2_000
        + b"}]}}]}",
    ],
)
def test_bad_json_is_bad_input(text):
    with pytest.raises(BadInput):
        decode(text, media=JSON)


SEEDS = {
    "traces": [traces(3), request_of([span(attributes={"a": ["b"]})]).SerializeToString()],
    "metrics": [metrics(3)],
    "logs": [logs(3)],
}


def outcome(body, signal, media, encoding):
    try:
        return decode(body, signal, media, encoding)
    except BadInput as refusal:  # also TooLarge and Unsupported
        return refusal


def attempt(body, signal, media, encoding=""):
    """A delivery whose every part can be read, or a clear refusal."""
    found = outcome(body, signal, media, encoding)
    assert found.items >= (1 if isinstance(found, BadInput) else 0)
    if isinstance(found, BadInput):
        assert str(found)
        return
    content(found)
    for batch in found.content or []:
        for one in getattr(batch, "spans", []):
            status_code(one.status)
            [value_of(attribute) for attribute in one.attributes]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(SIGNALS), st.sampled_from([PROTO, JSON]))
@example(b"\x0a", "traces", PROTO)
@example(b"\x0a\xff\xff\xff\xff\x0f", "traces", PROTO)
def test_any_bytes_have_a_clear_end(body, signal, media):
    attempt(body, signal, media)


@pytest.mark.parametrize("signal", SIGNALS)
def test_mutated_protobuf_has_a_clear_end(signal):
    rng = random.Random(11)
    for _ in range(400):
        body = bytearray(rng.choice(SEEDS[signal]))
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(body))
            body[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        attempt(bytes(body), signal, PROTO)
        attempt(gzip.compress(bytes(body))[: rng.randrange(60, 400)], signal, PROTO, "gzip")


@pytest.mark.parametrize("signal", SIGNALS)
def test_mutated_json_has_a_clear_end(signal):
    rng = random.Random(12)
    pieces = [b"{}", b"[]", b"null", b"1e999", b"-1", b'"x"', b"true", b"", b"[[[[", b"99999999999"]
    for _ in range(400):
        tokens = re.split(rb'([{}\[\],:]|"[^"]*")', as_json(signal, 2))
        for _ in range(rng.randrange(1, 4)):
            tokens[rng.randrange(len(tokens))] = rng.choice(pieces)
        attempt(b"".join(tokens), signal, JSON)


def test_the_resource_by_the_conventions():
    request = request_of(
        [span()],
        {
            "service.name": "pricing",
            "service.version": "1.1.0",
            "service.instance.id": "pod-7",
            "deployment.environment": "legacy",
            "deployment.environment.name": "prod",
            "process.pid": 4711,
            "container.id": "c0ffee",
            "container.image.tags": ["1.1.0", "latest"],
            "host.name": "node-3",
            "telemetry.sdk.language": "python",
            "vcs.ref.head.revision": "abc",
            "process.command_line": "secret --token x",
        },
    )
    (batch,) = decode(request.SerializeToString()).content
    assert batch.resource == Resource(
        *("pricing", "1.1.0", "prod", "pod-7"),
        (
            ("container.id", "c0ffee"),
            ("container.image.tags", "1.1.0,latest"),
            ("host.name", "node-3"),
            ("process.pid", "4711"),
            ("telemetry.sdk.language", "python"),
            ("vcs.ref.head.revision", "abc"),
        ),
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, ("unknown_service", "unknown", "unknown", "unknown")),
        ({"service.name": ""}, ("unknown_service", "unknown", "unknown", "unknown")),
        (
            {"service.name": "s", "deployment.environment": "old"},
            ("s", "unknown", "old", "unknown"),
        ),
        (
            {"host.name": "h", "process.pid": 7, "container.id": "c"},
            ("unknown_service", "unknown", "unknown", "h:7"),
        ),
        (
            {"host.name": "h", "container.id": "c"},
            ("unknown_service", "unknown", "unknown", "c"),
        ),
    ],
)
def test_what_is_missing_in_a_resource(attributes, expected):
    (batch,) = decode(request_of([span()], attributes or {"x": "y"}).SerializeToString()).content
    resource = batch.resource
    found = (resource.service, resource.version, resource.environment, resource.instance)
    assert found == expected


def test_long_values_are_cut_marked_and_counted():
    meter = CountingMeter()
    body = request_of([span()], {"service.name": "s" * 10_000}).SerializeToString()
    (batch,) = OtlpDecoder(OtlpSettings(), meter).decode("traces", PROTO, "", body, NOW).content
    assert batch.resource.service == "s" * 255 + "…"
    assert meter.total("perfd_truncated", what="resource") == 1


def test_a_malformed_resource_is_bad_input_with_the_number_of_items():
    request = ExportTraceServiceRequest.FromString(traces(3))
    body = request.SerializeToString().replace(b"service.name", b"service.nam\xff")
    assert decode(body).items == 3  # a key that is no text is a key nobody asks for
    broken = body.replace(b"\x12\x06\x0a\x04shop", b"\x12\x06\x0a\x7fshop")
    with pytest.raises(BadInput) as error:
        decode(broken)
    assert error.value.items == 3


def test_limits():
    with pytest.raises(TooLarge):
        decode(traces(11), max_items=10)
    with pytest.raises(TooLarge):
        decode(as_json("traces", 11), media=JSON, max_items=10)
    with pytest.raises(TooLarge):
        decode(gzip.compress(traces(100)), encoding="gzip", max_request_body_size=1_000)
    with pytest.raises(Unsupported):
        decode(traces(1), media="application/x-thrift")
    with pytest.raises(Unsupported):
        decode(b"", signal="profiles")


def test_logs_are_counted_and_nothing_of_them_is_kept():
    assert decode(logs(5), "logs").items == 5
    assert decode(logs(5), "logs").content is None
    assert decode(as_json("logs", 5), "logs", JSON).items == 5
    assert ExportLogsServiceRequest.FromString(logs(5))


def test_a_delivery_keeps_the_body_as_it_came():
    packed = gzip.compress(traces(2))
    delivery = decode(packed, encoding="gzip")
    assert (delivery.body, delivery.encoding, delivery.items) == (packed, "gzip", 2)
    assert (delivery.received_at, delivery.size) == (NOW, len(traces(2)))


@given(st.text(max_size=40), scalars)
def test_attributes_are_read_as_they_were_written(key, value):
    message = ExportTraceServiceRequest().resource_spans.add().resource
    fill(message.attributes, {key: value})
    encoded = message.attributes[0].SerializeToString()
    found_key, found = pair(encoded)
    assert found_key == key
    if isinstance(value, bool):
        assert found == ("true" if value else "false")
    elif isinstance(value, int):
        assert found == str(value)
    elif isinstance(value, float):
        assert float(found) == pytest.approx(value, rel=1e-5) or math.isinf(value)
    elif isinstance(value, list):
        assert found == ",".join(value)
    else:
        assert found == value
    if len(key.encode()) < 128 and key:
        assert encoded.startswith(prefix(key))
        assert not encoded.startswith(prefix(key + "x"))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_attribute_or_none(encoded):
    value_of(encoded)
    status_code(encoded)


def test_a_status_with_a_message_is_read_too():
    for code in (0, 1, 2):
        one = span() | {"status": code}
        request = request_of([one])
        request.resource_spans[0].scope_spans[0].spans[0].status.message = "broke"
        (batch,) = decode(request.SerializeToString()).content
        assert status_code(batch.spans[0].status) == code


def test_the_backend_is_the_fast_one():
    assert check_backend() is None
    assert KeyValue.DESCRIPTOR.full_name == "perfd.otlp.KeyValue"
