import contextlib
import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from perfd.errors import BadInput, TooLarge
from perfd.sources.wire import bound_json, count_items

MOST = 1000


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field on the wire."""
    size, octets = len(payload), bytearray([number << 3 | 2])
    while size > 127:
        octets.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(octets) + bytes([size]) + payload


def traces(*spans_per_scope: int, attributes: int = 0) -> bytes:
    request = ExportTraceServiceRequest()
    for spans in spans_per_scope:
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = "shop"
        scope = resource.scope_spans.add()
        scope.scope.name = "library"
        for n in range(spans):
            span = scope.spans.add(name="x" * (n % 300), start_time_unix_nano=n)
            for key in range(attributes):
                span.attributes.add(key=str(key))
    return request.SerializeToString()


@given(st.lists(st.integers(0, 40), max_size=6))
def test_spans_are_counted_exactly(scopes):
    assert count_items("traces", traces(*scopes), MOST) == sum(scopes)


def test_a_span_of_any_length_is_one_span():
    for size in (0, 1, 127, 128, 16_383, 16_384, 3_000_000):
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        for _ in range(3):
            scope.spans.add(name="x" * size)
        assert count_items("traces", request.SerializeToString(), MOST) == 3


def test_data_points_of_every_kind_are_counted():
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
        points = getattr(metrics.add(name=kind), kind).data_points
        points.add()
        points.add().attributes.add(key="k")
    assert count_items("metrics", request.SerializeToString(), MOST) == 10


def test_log_records_are_counted():
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for text in ("one", "two"):
        records.add().body.string_value = text
    assert count_items("logs", request.SerializeToString(), MOST) == 2


def test_pprof_samples_are_counted():
    body = field(6, b"") + field(2, field(1, b"\x01")) * 7 + field(4, b"\x08\x01") * 3
    assert count_items("profiles", body, MOST) == 7


def test_an_empty_request_holds_nothing():
    assert count_items("traces", b"", MOST) == 0


def test_unknown_fields_are_stepped_over():
    unknown = b"\x78\x01" + field(15, b"new") + b"\xc2\x3e\x03abc" + b"\x7d1234" + b"\x7912345678"
    assert count_items("traces", unknown + traces(2), MOST) == 2


def test_as_many_as_allowed_pass_and_one_more_does_not():
    assert count_items("traces", traces(MOST), MOST) == MOST
    with pytest.raises(TooLarge, match="1000 items") as error:
        count_items("traces", traces(MOST + 1), MOST)
    assert error.value.items == MOST + 1


BOMBS = {
    "spans": ("traces", field(1, field(2, field(2, b"") * 50_000))),
    "resources": ("traces", field(1, b"") * 50_000),
    "scopes": ("traces", field(1, field(2, b"") * 50_000)),
    "resource attributes": ("traces", field(1, field(1, field(1, b"") * 50_000))),
    "scope attributes": ("traces", field(1, field(2, field(1, field(3, b"") * 50_000)))),
    "numbers that are not there": ("traces", b"\x08\x00" * 50_000),
    "fields that are not there": ("traces", field(15, b"") * 50_000),
    "span attributes": ("traces", field(1, field(2, field(2, field(9, b"") * 50_000)))),
    "metrics": ("metrics", field(1, field(2, field(2, b"") * 50_000))),
    "point attributes": (
        "metrics",
        field(1, field(2, field(2, field(5, field(1, field(7, b"") * 50_000))))),
    ),
    "log records": ("logs", field(1, field(2, field(2, b"") * 50_000))),
    "samples": ("profiles", field(2, b"") * 50_000),
    "locations": ("profiles", field(4, b"") * 50_000),
    "lines": ("profiles", field(4, field(4, b"") * 50_000)),
    "labels": ("profiles", field(2, field(3, b"") * 50_000)),
    "strings": ("profiles", field(6, b"") * 50_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_empty_parts_is_refused(name):
    signal, body = BOMBS[name]
    with pytest.raises(TooLarge):
        count_items(signal, body, MOST)


def test_what_parsing_does_not_build_is_not_counted():
    # Links are unknown to perfd's own messages, which keeps them as the bytes they are.
    body = field(1, field(2, field(2, field(13, b"") * 50_000)))
    assert count_items("traces", body, MOST) == 1


def test_many_metrics_of_one_point_each_are_no_bomb():
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    for _ in range(MOST - 10):
        metrics.add().gauge.data_points.add()
    assert count_items("metrics", request.SerializeToString(), MOST) == MOST - 10


def test_two_million_spans_in_four_kilobytes_cost_less_than_their_bytes():
    body = field(1, field(2, field(2, b"") * 2_100_000))
    assert len(gzip.compress(body)) < 5000
    tracemalloc.start()
    with pytest.raises(TooLarge):
        count_items("traces", body, 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(body)  # parsing them takes 88 times as much


def test_many_letters_are_not_taken_for_many_attributes():
    # 0x4a is the tag of an attribute and the letter J.
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name="J" * 50_000)
    assert count_items("traces", request.SerializeToString(), MOST) == 1


@given(st.data())
def test_a_truncated_body_is_bad_or_counted_short(data):
    body = traces(3, 2)
    cut = data.draw(st.integers(1, len(body) - 1))
    with contextlib.suppress(BadInput):
        assert count_items("traces", body[:cut], MOST) < 5


@given(st.binary(max_size=200), st.sampled_from(["traces", "metrics", "logs", "profiles"]))
def test_any_bytes_give_a_count_or_a_clear_error(body, signal):
    with contextlib.suppress(BadInput):
        assert count_items(signal, body, MOST) <= len(body) // 2


def test_a_number_without_end_is_not_protobuf():
    with pytest.raises(BadInput, match="ten bytes"):
        count_items("traces", b"\x0a" + b"\xff" * 20, MOST)


def test_json_is_bounded_by_its_brackets_and_commas():
    bound_json(b'{"resourceSpans": [{}]}', 1)
    for element in (b"{}", b"[]", b"1.5", b'"ab"'):
        with pytest.raises(TooLarge, match="JSON"):
            bound_json(b"[" + (element + b",") * 50_000 + element + b"]", MOST)
